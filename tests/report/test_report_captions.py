"""The captions of Snakemake's report render, and every figure has one."""

import html
import re
from pathlib import Path

import jinja2
import pytest
from docutils.core import publish_parts

from tlstudy.config.catalogue import ALL_FIGURES, TITLES
from tlstudy.report.figures import texts

CAPTIONS = Path(__file__).parents[2] / "report"


class Snakemake:
    """What Snakemake lets a caption see."""

    def __init__(self, seed, **more):
        self.wildcards = {"target": "mnist", "drawing": "published", "n": "50", "seed": "26"}
        self.config = {"study": "slides", "seed": seed, "arms": {"new": {"epochs": 30}}, **more}


def shown(text: str) -> str:
    """The words of a caption as Snakemake makes HTML of it; errors in its marks are raised."""
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    return " ".join(html.unescape(re.sub("<[^>]+>", "", body)).split())


def rendered(name: str, snakemake: Snakemake) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    file = CAPTIONS / f"{name}.rst"
    return shown(environment.from_string(file.read_text("utf-8")).render(snakemake=snakemake))


@pytest.mark.parametrize("name", sorted(path.stem for path in CAPTIONS.glob("*.rst")))
@pytest.mark.parametrize("seed", [26, [26, 27, 28], list(range(10))])
def test_captions_render(name, seed):
    text = rendered(name, Snakemake(seed))
    assert len(text) > 100
    assert "{%" not in text


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(26, "one seed"), ([26, 27], "2 seeds, too few"), (range(10), "10 seeds")],
)
def test_the_workflow_s_text_says_what_the_intervals_are(seed, expected):
    seed = seed if isinstance(seed, int) else list(seed)
    assert expected in rendered("workflow", Snakemake(seed))


def test_every_figure_has_a_title_and_an_explanation():
    folder = Path(texts.__file__).parent / "explanations"
    assert {path.stem for path in folder.iterdir()} == set(TITLES)
    assert all(figure.title for figure in ALL_FIGURES)
    assert len(TITLES) == len(ALL_FIGURES)


@pytest.mark.parametrize("name", TITLES)
def test_an_explanation_is_plain_text_to_snakemake_and_to_the_page(name):
    """Neither template nor markup; it adds to the title and does not repeat it."""
    text = texts.explanation(name)
    assert shown(text) == text
    assert not set(text) & set("{}")
    assert not text.startswith(TITLES[name])


@pytest.mark.parametrize("name", ["workflow", "report"])
def test_a_study_of_the_laboratory_alone_has_captions_without_arms(name):
    laboratory = {"experiments": ["diagonal", "relu"]}
    arms = {"new": None, "pretrained": None}
    text = rendered(name, Snakemake(list(range(10)), arms=arms, laboratory=laboratory))
    words = text.partition("Configuration")[0]
    assert "Proposition 3" in words
    for absent in ("arms", "ResNet", "landscapes", "training images", "diverged"):
        assert absent not in words
    if name == "workflow":
        assert "experiments: diagonal, relu; seeds: 0, 1" in words
        assert "a mean over 10 seeds: Student's t" in words


def test_the_workflow_s_text_names_the_slides_only_where_they_are_repeated():
    published = {"optimiser_holds": "another-network", "head": "softmax"}
    assert "slides" in rendered("workflow", Snakemake(26, arms={"new": published}))
    own = ({"new": {"epochs": 30}}, {"new": published, "other": {"target": "digits"}})
    for arms in own:
        assert "slides (" not in rendered("workflow", Snakemake(26, arms=arms))


def test_the_workflow_s_text_starts_with_the_study_s_own_question():
    own = {"title": "Do cracks show?", "question": "Does pretraining find more cracks?"}
    text = rendered("workflow", Snakemake(26, **own))
    assert text.startswith(own["question"])
    assert own["title"] in text


def test_captions_say_no_more_than_is_so():
    told = {name: texts.explanation(name) for name in ("claims", "curvature", "overlap")}
    assert "effect size that was stated;" in told["claims"]  # in advance or not
    assert "in advance" not in TITLES["claims"] + TITLES["laboratory-claims"]
    assert "or below five seeds their range" in told["curvature"]
    assert "leaves none" not in told["overlap"]  # unless a block is a pixel
