"""The captions of Snakemake's report: they render, and say what the statistic is."""

import re
from pathlib import Path

import jinja2
import pytest
from docutils.core import publish_parts

from tlstudy.config.catalogue import FIGURES, FOR_ALL_SIZES
from tlstudy.report.figures.texts import TEXTS

CAPTIONS = Path(__file__).parents[2] / "report"


class Snakemake:
    """What Snakemake lets a caption see."""

    def __init__(self, seed):
        self.config = {
            "study": "slides",
            "seed": seed,
            "subset_size": 50,
            "arms": {"new": {"epochs": 30}},
            "landscape": {"trajectory_radius": 30, "random_radius": 1},
            "encoder": {"seeds": seed if isinstance(seed, list) else [seed]},
            "reuse": {"seeds": seed if isinstance(seed, list) else [seed]},
            "curvature": {"seeds": seed if isinstance(seed, list) else [seed]},
        }
        self.wildcards = {"drawing": "published", "n": "50", "seed": "26"}


@pytest.mark.parametrize("caption", sorted(CAPTIONS.glob("*.rst")), ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("seed", "expected"),
    [(26, "ne seed"), ([26, 27, 28], "too few for an interval"), (list(range(10)), "10 seeds")],
)
def test_captions_render_and_say_what_the_interval_is(caption, seed, expected):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    text = environment.from_string(caption.read_text(encoding="utf-8")).render(
        snakemake=Snakemake(seed)
    )
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "{" not in body.replace("{\n", "").replace('": {', "") or caption.stem == "workflow"
    shown = " ".join(re.sub("<[^>]+>", "", body).split())
    without = ("report", "contact-sheet", "contradictions", "penalty")
    statistic = caption.stem not in without and "layerwise" not in caption.stem
    if statistic and "landscape" not in caption.stem:
        assert expected in shown
    if "landscape" in caption.stem or "layerwise" in caption.stem:
        assert "no interval" in shown


def test_every_figure_has_a_caption_and_every_caption_a_subject():
    others = {"workflow", "report", "results-table", "contact-sheet"}
    assert {path.stem for path in CAPTIONS.glob("*.rst")} == {*FIGURES, *FOR_ALL_SIZES} | others


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("layerwise-magnitude", "means over the epochs from the second on"),
        ("layerwise-angle", "means over the epochs from the second on"),
        ("workflow", "Arms of one seed that draw alike share the training images"),
    ],
)
def test_captions_say_what_was_averaged_and_what_is_shared(name, expected):
    text = " ".join((CAPTIONS / f"{name}.rst").read_text(encoding="utf-8").split())
    assert expected in text
    if name in FIGURES:
        assert "mean over the epochs from the second on" in TEXTS[name].what_to_see


@pytest.mark.parametrize("name", ["workflow", "report"])
def test_a_study_of_the_laboratory_alone_has_captions_without_arms(name):
    snakemake = Snakemake(list(range(10)))
    snakemake.config["arms"] = {"new": None, "pretrained": None}
    snakemake.config["laboratory"] = {"experiments": ["diagonal", "relu"]}
    text = jinja2.Template(
        (CAPTIONS / f"{name}.rst").read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined
    ).render(snakemake=snakemake)
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    words = body.partition("Configuration")[0]
    assert "Proposition 3" in words
    for absent in ("arms", "ResNet", "landscapes", "training images", "diverged"):
        assert absent not in words
    if name == "workflow":
        assert "experiments:\ndiagonal, relu; seeds: 0, 1" in words
        assert "10\nseeds (10,000 resamples)" in words
