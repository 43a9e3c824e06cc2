"""All that the page says, gathered from the data; the template only lays it out."""

import pandas as pd

from tlstudy.audit.statistics import expected_coverage, reference_arms
from tlstudy.config.catalogue import ACCURACY_BY_SIZE, CONTRADICTIONS
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of
from tlstudy.config.settings import Study
from tlstudy.config.training import Trained
from tlstudy.report.format import count, join, percent, seeds, sentence, whole
from tlstudy.report.inputs import ContactSheet, Inputs
from tlstudy.report.names import network_name
from tlstudy.report.page.figures import LANDSCAPES, figure, study_figure
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import (
    curves,
    how_it_was_run,
    ladder,
    ledger,
    protocol,
    published,
    results,
    theory,
)
from tlstudy.report.sentences.alarms import alarms
from tlstudy.report.sentences.review import review
from tlstudy.report.tables import MOST_ARM_COLUMNS

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


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    study = inputs.study
    return {
        "study": study,
        "progress": inputs.progress,
        "weights": how_it_was_run.weights_used(inputs),
        "no_weights": _no_weights(study),
        "groups_line": groups_line(inputs),
        "arms_line": arms_line(inputs),
        "contradictions": published.sentences() if inputs.is_audit else [],
        "contradictions_figure": study_figure(inputs, CONTRADICTIONS),
        "alarms": alarms(inputs),
        "theory": theory.section(inputs),
        # What a reader must know before the first number, weights apart.
        "facts": [
            ("Training images", join(whole(size) for size in study.subset_size)),
            ("Seeds", f"{seeds(study.seed)} ({len(study.seed)} seed{'s' * (len(study.seed) > 1)})"),
            ("Test images", _tested_images(inputs.runs)),
            ("Device", how_it_was_run.device(inputs.runs)),
            ("Arithmetic", how_it_was_run.arithmetic(inputs.runs)),
        ],
        "warnings": how_it_was_run.warnings(inputs),
        "sizes": [size_results(inputs, size) for size in study.subset_size],
        "all_trained": all(arm.trained == Trained() for arm in study.arms.values()),
        "networks": join(
            dict.fromkeys(network_name(arm.architecture) for arm in study.arms.values())
        ),
        "differences": protocol.differences(study),
        "shared": protocol.shared(study),
        "tests": protocol.tests(study.evaluation),
        "sheets": [_sheet(sheet) for sheet in inputs.contact_sheets],
        "flaws": protocol.flaws(study),
        "machine": how_it_was_run.machine(inputs),
        "times": how_it_was_run.times(inputs.runs),
        "checksums": how_it_was_run.checksums(inputs),
        "configuration": how_it_was_run.configuration(inputs.progress.study),
        "by_size": study_figure(inputs, ACCURACY_BY_SIZE),
        "minimum_seeds": MINIMUM_SEEDS,
        "coverage": coverage(study),
    }


def results_table(inputs: Inputs, size: int) -> dict:
    """The table of results of one subset size."""
    table, caption = results.result_table(inputs, size), table_caption(inputs, size)
    return {"size": size, "table": table, "table_caption": caption}


def size_results(inputs: Inputs, size: int) -> dict:
    """Table, figures and review of one subset size."""
    parts = []
    for title, names in PARTS.items():
        shown = [found for name in names if (found := figure(inputs, size, name)) is not None]
        if shown:
            key = f"n{size}-{title.lower().replace(' ', '-')}"
            parts.append({"key": key, "title": title, "figures": shown})
    return {
        "key": f"n{size}",
        **results_table(inputs, size),
        "audit": _audit(inputs, size) if inputs.is_audit else None,
        "seed_table": results.seed_table(inputs, size),
        "curves": curves.curves_table(inputs, size),
        "about_curves": curves.about_curves(inputs),
        "parts": parts,
        "review": review(inputs, size),
        "first": size == inputs.study.subset_size[0],
    }


def _audit(inputs: Inputs, size: int) -> dict:
    """What the ladder and the ledger of a subset size say."""
    entries, has_ladder = ledger.entries(inputs, size), bool(inputs.study.ladder)
    return {
        "headlines": ladder.headlines(inputs, size),
        "rungs": ladder.ladder_table(inputs, size) if has_ladder else None,
        "tested": ladder.spread_of_images(inputs, size) if has_ladder else "",
        "ladder": figure(inputs, size, "ladder"),
        "ladder_loss": figure(inputs, size, "ladder-loss"),
        "tally": ledger.tally(
            ledger.of_size(inputs, size), "(the slides\u2019 and variants of them)"
        ),
        "meanings": ledger.meanings(entry["verdict"] for entry in entries),
        "entries": entries,
        "claims": figure(inputs, size, "claims"),
    }


def coverage(study: Study) -> str:
    """How often the intervals cover the true mean with the study's number of seeds."""
    if len(study.seed) < MINIMUM_SEEDS:
        return ""
    return (
        f"The interval is nominally 95\u202f%. With {count(len(study.seed), 'seed')} it is too "
        "short: for normal values it covers the true mean in about "
        f"{percent(expected_coverage(len(study.seed)))} of repetitions."
    )


def _no_weights(study: Study) -> str:
    """The words for the weights where there is no record of any."""
    used = any(arm.initialisation != "random" for arm in study.arms.values())
    return "No record of them was found." if used else "None: every arm starts from random weights."


def groups_line(inputs: Inputs) -> str:
    """How the study's groups of arms repeat the experiment."""
    groups = list(groups_of(inputs.study))
    if inputs.study.ladder:
        rungs = count(len(inputs.study.ladder), "protocol")
        return f"under {rungs}, each with fewer flaws than the one before"
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
    references, parts = reference_arms(inputs.study), []
    for first in (arm for arm in inputs.study.arms if arm not in references):
        others = [inputs.named(arm) for arm, other in references.items() if other == first]
        if len(others) > MOST_ARM_COLUMNS - 1:
            others = [count(len(others), "other arm")]
        against = inputs.named(first)
        parts.append(
            f"{join(others)} against {against}" if others else f"{against} against the slides"
        )
    return f"Comparisons: {'; '.join(parts)}."


def _tested_images(runs: pd.DataFrame) -> str:
    """How many test images stand behind the reported values of runs."""
    amounts = sorted({int(amount) for amount in runs["reported_test_images"].dropna()})
    return join((whole(amount) for amount in amounts), "or") or "none"


def table_caption(inputs: Inputs, size: int) -> str:
    """Weights, seeds, test images, epoch rule and BatchNorm policy behind the table."""
    used = join(weights["source"] for weights in how_it_was_run.weights_used(inputs))
    return (
        f"Reported values of networks trained on {whole(size)} images. "
        f"Pretrained weights: {used or 'no record'}. Seeds: {seeds(inputs.study.seed)}. "
        f"{_rules(inputs)} {_interval_rule(inputs.study)} "
        "The slides have one seed and take the best epoch on all 10\u202f000 test images."
    )


def _interval_rule(study: Study) -> str:
    """What differences are and what the small print under a value is."""
    swept = ", or the first with the same swept values" * any("~" in name for name in study.arms)
    paired = f"Differences are from the group\u2019s first arm{swept}, seed by seed."
    if len(study.seed) < MINIMUM_SEEDS:
        return f"{paired} An interval needs {MINIMUM_SEEDS} seeds."
    return (
        f"Values are means over seeds. {paired} Small print: bootstrap interval of the mean, and "
        "number of seeds."
    )


def _rules(inputs: Inputs) -> str:
    """Epoch rule and BatchNorm policy of each group of arms; once for groups that share them."""
    rules: dict[str, list[str]] = {}
    for group, names in groups_of(inputs.study).items():
        arms = [inputs.study.arms[name] for name in names]
        epochs = dict.fromkeys(protocol.reported_epoch(arm) for arm in arms)
        statistics = dict.fromkeys(protocol.statistics(arm) for arm in arms)
        rule = (
            f"epoch reported, {join(epochs, 'or')}; BatchNorm statistics, "
            f"{join(statistics, 'or')}; test images, "
            f"{_tested_images(inputs.runs[inputs.runs['group'] == group])}."
        )
        # Ours, logits and Ours, trained in one: Ours, logits and trained.
        known = "Ours, " if rule in rules else ""
        rules.setdefault(rule, []).append(results.group_title(group).removeprefix(known))
    return " ".join(f"{join(titles)}: {rule}" for rule, titles in rules.items())


def _sheet(sheet: ContactSheet) -> dict:
    """A contact sheet with its caption."""
    key = f"sheet-{sheet.drawing}-{sheet.subset_size}"
    duplicates = sheet.subset.get("duplicates", 0)
    caption = (
        f"{sentence(protocol.DRAWINGS[sheet.drawing])}: {whole(sheet.subset_size)} training "
        f"images of seed {sheet.seed}. Images of the digits 0 to 9: "
        f"{join(map(str, sheet.subset['counts']))}. {sentence(count(duplicates, 'image'))} "
        f"{'was' if duplicates == 1 else 'were'} drawn more than once."
    )
    title = f"Contact sheet of {whole(sheet.subset_size)} handwritten digits."
    return {"svg": inline_svg(sheet.svg or "", key, title, caption), "caption": caption}
