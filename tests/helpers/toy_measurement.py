"""A package with a measurement, to be installed beside tlstudy in the folder of a study."""

from study_folder import StudyFolder

MODULE = '''
"""How large the weights are."""

from pydantic import Field

from tlstudy.config.fields import Positive, Selection
from tlstudy.config.measurements import Measurement


class Size(Selection):
    """Norm of all weights together."""

    factor: Positive = Field(1.0, description="What the norm is multiplied by.")


def measure(fine_tuned, settings):
    for point in ("start", "end"):
        norm = fine_tuned.vectors[point].double().norm()
        yield {"point": point, "norm": settings.factor * float(norm)}


MEASUREMENT = Measurement(
    name="size",
    title="Size of the weights",
    help="Measure how large a run's weights are.",
    settings=Size,
    measure=measure,
    columns={"point": ("string", "start or end"), "norm": ("float64", "Euclidean norm")},
    passes=lambda study, run: 1,
    memory_mb=100,
)
'''


def install_toy(place: StudyFolder) -> None:
    """Install the package where the study's jobs find it, and measure the new network."""
    package = place.site / "toy-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[tlstudy.measurements]\nsize = toy\n")
    (place.site / "toy.py").write_text(MODULE)
    place.overlay["size"] = {"seeds": [26], "arms": ["new"]}
