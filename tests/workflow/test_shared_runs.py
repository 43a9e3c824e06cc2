"""A run that two studies have is trained once, by Snakemake too."""

import pytest
from study_folder import StudyFolder

ARM = {"architecture": "resnet18", "image_size": 32, "epochs": 1, "initialisation": "random"}
SETTINGS = {"seed": [26], "subset_size": [20], "evaluation": {"epoch_images": 20}}
LANDSCAPE = {"seeds": [26], "grid": 3}


def log_of(place: StudyFolder, study: str) -> str:
    [log] = (place.folder / "results" / study / "logs" / "train").rglob("*.log")
    return log.read_text()


@pytest.mark.slow
def test_a_run_is_taken_from_another_study_and_both_hold(tmp_path, cache):
    place = StudyFolder(tmp_path / "place")
    place.have_only(new=ARM)
    place.overlay |= SETTINGS | {"study": "one", "landscape": LANDSCAPE}
    place.succeed()
    for study, landscape in (("two", LANDSCAPE), ("three", {"seeds": []})):
        place.overlay |= {"study": study, "landscape": landscape}
        place.succeed()
        assert "taken from study one" in log_of(place, study)
        assert place.planned() == {}
        place.tlstudy("verify", f"results/{study}")
        assert not list(place.folder.glob(f"results/{study}/runs/*/*/*/plane.safetensors"))
    # Another landscape needs the path of the weights, which nobody kept.
    place.overlay["landscape"] = LANDSCAPE | {"grid": 5}
    place.succeed()
    assert "taken from" not in log_of(place, "three")
    for study in ("one", "two", "three"):
        place.tlstudy("verify", f"results/{study}")
