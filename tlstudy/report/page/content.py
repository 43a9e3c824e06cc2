"""All that the page says, gathered from the data; the template only lays it out."""

from dataclasses import dataclass

from markupsafe import Markup

from tlstudy.audit.statistics import expected_coverage, reference_arms
from tlstudy.config.catalogue import ACCURACY_BY_SIZE
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.settings import Study
from tlstudy.report.format import count, join, percent, seeds, sentence, whole
from tlstudy.report.inputs import ContactSheet, Inputs
from tlstudy.report.page import audit
from tlstudy.report.page.figures import LANDSCAPES, PageFigure, figures, study_figure
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import findings, how_it_was_run, ladder, protocol, results, theory
from tlstudy.report.sentences.alarms import alarms
from tlstudy.report.sentences.protocol import Table
from tlstudy.report.sentences.results import ResultTable
from tlstudy.report.sentences.review import review

PARTS = {  # headings of the results, in the slides' order, with their figures
    "Reported loss and balanced accuracy": ("results",),
    "Loss": ("loss-new", "loss-pretrained"),
    "Accuracy": ("balanced-accuracy",),
    "Gradient norm": ("gradient-norm",),
    "Change of all weights": ("magnitude-change", "angle-change"),
    "Change layer by layer": ("layerwise-magnitude", "layerwise-angle"),
    "Encoder and decoder": ("encoder",),
    "Loss landscapes": tuple(LANDSCAPES),
    "Curvature of the loss": ("curvature",),
    "Reuse of features": ("reuse",),
}


@dataclass(frozen=True)
class Part:
    """A heading of the results with its figures."""

    key: str
    title: str
    figures: list[PageFigure]


@dataclass(frozen=True)
class SizeTable:
    """The table of results of one subset size."""

    key: str
    size: int
    table: ResultTable
    table_caption: str


@dataclass(frozen=True)
class SizeResults(SizeTable):
    """Everything about one subset size."""

    audit: audit.Audit | None
    seed_table: Table
    parts: list[Part]
    review: list[tuple[str, list[str]]]
    first: bool


@dataclass(frozen=True)
class Sheet:
    """A contact sheet as the page shows it."""

    key: str
    caption: str
    svg: Markup


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    sizes = [size_results(inputs, size) for size in inputs.study.subset_size]
    return {
        "study": inputs.study,
        "progress": inputs.progress,
        "weights": how_it_was_run.weights_used(inputs),
        "no_weights": no_weights(inputs),
        "groups_line": groups_line(inputs),
        "arms_line": arms_line(inputs),
        "contradictions": audit.contradictions(inputs),
        "alarms": alarms(inputs),
        "shown_rungs": ladder.shown_rungs(inputs),
        "theory": theory.section(inputs),
        "opening": findings.opening(inputs, inputs.study.subset_size[0]),
        "facts": first_facts(inputs),
        "warnings": how_it_was_run.warnings(inputs),
        "sizes": sizes,
        "networks": networks(inputs),
        "differences": protocol.differences(inputs.study),
        "shared": protocol.shared(inputs.study),
        "sheets": [_sheet(sheet) for sheet in inputs.contact_sheets],
        "flaws": protocol.flaws(inputs.study),
        "machine": how_it_was_run.machine(inputs),
        "times": how_it_was_run.times(inputs.runs),
        "checksums": how_it_was_run.checksums(inputs),
        "configuration": how_it_was_run.configuration(inputs.progress.study),
        "by_size": study_figure(inputs, ACCURACY_BY_SIZE),
        "minimum_seeds": MINIMUM_SEEDS,
        "coverage": coverage(inputs.study),
    }


def coverage(study: Study) -> str:
    """How far the intervals keep their word with the study's number of seeds."""
    if len(study.seed) < MINIMUM_SEEDS:
        return ""
    return (
        f"The interval is nominally 95\u202f%. With {count(len(study.seed), 'seed')} it is too "
        "short: for normal values it covers the true mean in about "
        f"{percent(expected_coverage(len(study.seed)))} of repetitions."
    )


def networks(inputs: Inputs) -> str:
    """The architectures of the study, in words."""
    names = dict.fromkeys(arm.architecture for arm in inputs.study.arms.values())
    return join(protocol.NETWORKS[name] for name in names)


def no_weights(inputs: Inputs) -> str:
    """What stands in place of the weights where there is no record of any."""
    used = any(arm.initialisation != "random" for arm in inputs.study.arms.values())
    return "No record of them was found." if used else "None: every arm starts from random weights."


def groups_line(inputs: Inputs) -> str:
    """How the study's groups of arms repeat the experiment."""
    groups = list(protocol.grouped_arms(inputs.study))
    if inputs.study.ladder:
        rungs = count(len(inputs.study.ladder), "protocol")
        return f"under {rungs}, each with less wrong than the one before"
    if set(groups) == {"published", "corrected"}:
        return "once as it was published, mistakes included, and once corrected"
    return f"in {count(len(groups), 'variant')}: {join(groups)}" if len(groups) > 1 else ""


def arms_line(inputs: Inputs) -> str:
    """The arms by name, each with the one it is compared with; the rungs of a ladder in one."""
    if inputs.study.ladder:
        return (
            "On each rung of the ladder the pretrained arm is compared with the new one, seed by "
            "seed."
        )
    names, references = findings.named(inputs), reference_arms(inputs.study)
    parts = []
    for first in (name for name in names if name not in references):
        others = [names[name] for name, other in references.items() if other == first]
        if len(others) > protocol.MOST_ARM_COLUMNS - 1:
            others = [count(len(others), "other arm")]
        against = names[first]
        parts.append(f"{join(others)} with {against}" if others else f"{against} with the slides")
    return f"Compared are {'; '.join(parts)}."


def first_facts(inputs: Inputs) -> list[tuple[str, str]]:
    """What a reader must know before the first number, weights apart."""
    study = inputs.study
    return [
        ("Training images", join(whole(size) for size in study.subset_size)),
        ("Seeds", f"{seeds(study.seed)} ({_amount(len(study.seed), 'seed')})"),
        ("Test images", _tested_images(inputs)),
        ("Device", how_it_was_run.device(inputs.runs)),
        ("Arithmetic", how_it_was_run.arithmetic(inputs.runs)),
    ]


def _tested_images(inputs: Inputs, group: str | None = None) -> str:
    """How many test images stand behind reported values, of all runs or of a group's."""
    runs = inputs.runs if group is None else inputs.runs[inputs.runs["group"] == group]
    amounts = sorted({int(amount) for amount in runs["reported_test_images"].dropna()})
    return join((whole(amount) for amount in amounts), "or") or "none"


def _amount(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'s' if amount != 1 else ''}"


def size_table(inputs: Inputs, size: int) -> SizeTable:
    """The table of results of a subset size."""
    caption_text = table_caption(inputs, size)
    return SizeTable(f"n{size}", size, results.result_table(inputs, size), caption_text)


def size_tables(inputs: Inputs) -> list[SizeTable]:
    """The tables of results of all subset sizes."""
    return [size_table(inputs, size) for size in inputs.study.subset_size]


def size_results(inputs: Inputs, size: int) -> SizeResults:
    """Table, figures and review of one subset size."""
    base = size_table(inputs, size)
    parts = [
        Part(f"{base.key}-{slug(title)}", title, figures(inputs, size, names))
        for title, names in PARTS.items()
    ]
    return SizeResults(
        **vars(base),
        audit=audit.of_size(inputs, size),
        seed_table=results.seed_table(inputs, size),
        parts=[part for part in parts if part.figures],
        review=review(inputs, size),
        first=size == inputs.study.subset_size[0],
    )


def slug(title: str) -> str:
    """A title as part of an id."""
    return title.lower().replace(" ", "-")


def table_caption(inputs: Inputs, size: int) -> str:
    """Weights, seeds, test images, epoch rule and BatchNorm policy behind the table."""
    study = inputs.study
    used = join(weights.source for weights in how_it_was_run.weights_used(inputs))
    return (
        f"Reported values of networks trained on {whole(size)} images. "
        f"Pretrained weights: {used or 'no record'}. Seeds: {seeds(study.seed)}. "
        f"{_rules(inputs)} "
        f"{_interval_rule(study)} The slides have one seed and take the best epoch on all "
        "10\u202f000 test images."
    )


def _interval_rule(study: Study) -> str:
    """What differences are and what the small print under a value is."""
    paired = (
        "Differences are from the group\u2019s first arm, or the first with the same swept values, "
        "seed by seed."
        if any("~" in name for name in study.arms)
        else "Differences are from the group\u2019s first arm, seed by seed."
    )
    if len(study.seed) >= MINIMUM_SEEDS:
        return (
            f"Values are means over seeds. {paired} Small print: bootstrap interval of "
            "the mean, and seeds."
        )
    return f"{paired} An interval needs {MINIMUM_SEEDS} seeds."


def _rules(inputs: Inputs) -> str:
    """Epoch rule and BatchNorm policy of each group of arms; once for groups that share them."""
    groups: dict[str, list[str]] = {}
    for group, arms in protocol.grouped_arms(inputs.study).items():
        epochs = dict.fromkeys(protocol.REPORTED[arm.reported_epoch] for _, arm in arms)
        statistics = dict.fromkeys(protocol.STATISTICS[arm.batchnorm] for _, arm in arms)
        rule = (
            f"epoch reported, {join(epochs, 'or')}; BatchNorm statistics, "
            f"{join(statistics, 'or')}; test images, {_tested_images(inputs, group)}."
        )
        groups.setdefault(rule, []).append(results.group_title(group))
    return " ".join(f"{_titles(titles)}: {rule}" for rule, titles in groups.items())


def _titles(titles: list[str]) -> str:
    """Ours, logits and Ours, trained in one: Ours, logits and trained."""
    first, *others = titles
    return join([first, *(title.removeprefix("Ours, ") for title in others)])


def _sheet(sheet: ContactSheet) -> Sheet:
    key = f"sheet-{sheet.drawing}-{sheet.subset_size}"
    counts = sheet.record["counts"]
    duplicates = sheet.record.get("duplicates", 0)
    text = (
        f"{sentence(protocol.DRAWINGS[sheet.drawing])}: {whole(sheet.subset_size)} training "
        f"images of seed {sheet.seed}. Images of the digits 0 to 9: {join(map(str, counts))}. "
        f"{sentence(count(duplicates, 'image'))} {'was' if duplicates == 1 else 'were'} drawn "
        "more than once."
    )
    alternative = f"Contact sheet of {whole(sheet.subset_size)} handwritten digits."
    svg = Markup(inline_svg(sheet.svg, key, alternative, text)) if sheet.svg else Markup()
    return Sheet(key, text, svg)
