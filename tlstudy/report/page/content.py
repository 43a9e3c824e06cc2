"""All that the page says, gathered from the data; the template only lays it out."""

import numpy as np
from jinja2.utils import htmlsafe_json_dumps

from tlstudy.config.catalogue import ACCURACY_BY_SIZE, CONTRADICTIONS, figures_by_part
from tlstudy.config.datasets import DIGITS, DataSet
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, is_of_slides, sides_of_slides_group
from tlstudy.config.settings import Study
from tlstudy.config.study_targets import targets
from tlstudy.config.training import Trained
from tlstudy.data.published import SIDE
from tlstudy.report.figures.guessing import softmax_bounds
from tlstudy.report.format import count, join, percent, seeds, sentence, whole
from tlstudy.report.inputs import ContactSheet, Inputs
from tlstudy.report.names import network_name
from tlstudy.report.page import theory
from tlstudy.report.page.figures import PageFigure, figure, folder_told, study_figure
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import (
    baselines,
    curves,
    how_it_was_run,
    ladder,
    ledger,
    protocol,
    published,
    results,
)
from tlstudy.report.sentences.alarms import alarms
from tlstudy.report.sentences.review import review
from tlstudy.report.sentences.runs import runs_table
from tlstudy.report.tables import MOST_ARM_COLUMNS

MOST_ROWS_ON_TOP = 6  # of a table of results of a further number of images
MOST_COUNTED = 12  # classes whose images are told one by one
SEEDS_THAT_SHOW_A_SHAPE = 10  # fewer do not tell a normal distribution from a skewed one


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    study, arms = inputs.study, inputs.study.arms.values()
    return {
        "study": study,
        "title": title(study),
        "progress": inputs.progress,
        "weights": how_it_was_run.weights_used(inputs),
        "no_weights": _no_weights(study),
        "groups_line": groups_line(inputs),
        "side_line": side_line(inputs.study),
        "arms_line": arms_line(inputs),
        "contradictions": published.sentences() if inputs.is_audit and is_of_slides(study) else [],
        "contradictions_figure": study_figure(inputs, CONTRADICTIONS),
        "alarms": alarms(inputs),
        "theory": theory.section(inputs),
        # What a reader must know before the first number, weights apart.
        "facts": [
            ("Training images", join(whole(size) for size in study.subset_size)),
            ("Seeds", _seeds(inputs)),
            ("Test images", how_it_was_run.tested_images(inputs.runs)),
            ("Device", how_it_was_run.device(inputs.runs)),
            ("Arithmetic", how_it_was_run.arithmetic(inputs.runs)),
        ],
        "warnings": how_it_was_run.warnings(inputs),
        "sizes": [size_results(inputs, size) for size in study.subset_size],
        "about_slides": inputs.is_about_slides,
        "of_slides": is_of_slides(study),
        "whose": "slides\u2019" if claims_of_slides(study) else "study\u2019s",
        "images": _images(study),
        "data": _data(study),
        "guessing": _guessing(study),
        "has_pretrained": _has_pretrained(study),
        "has_adam": any(arm.optimiser.name != "sgd" for arm in study.arms.values()),
        "has_landscapes": bool(inputs.landscapes),
        "all_trained": all(arm.trained == Trained() for arm in study.arms.values()),
        "same_last_layer": len({(it.architecture, it.target.outputs) for it in arms}) == 1,
        "networks": join(
            dict.fromkeys(network_name(arm.architecture) for arm in study.arms.values())
        ),
        "differences": protocol.differences(study),
        "settings": htmlsafe_json_dumps(protocol.settings(study)),
        "shared": protocol.shared(study),
        "tests": f"{protocol.tests(study)} {protocol.fewer(study)}".strip(),
        "sheets": [_sheet(study, sheet) for sheet in inputs.contact_sheets],
        "flaws": protocol.flaws(study),
        "machine": how_it_was_run.machine(inputs),
        "runs": runs_table(inputs),
        "checksums": how_it_was_run.checksums(inputs),
        "configuration": how_it_was_run.configuration(inputs.progress.study),
        "by_size": study_figure(inputs, ACCURACY_BY_SIZE),
        "minimum_seeds": MINIMUM_SEEDS,
        "coverage": coverage(len(inputs.seeds_there())),
    }


def title(study: Study) -> str:
    """The configuration's title, or one made of the study's images and their number."""
    if study.title:
        return study.title
    images = "" if is_of_slides(study) else f" of {_images(study)}"
    repeated = ", repeated" + " and corrected" * (len(groups_of(study)) > 1)
    pretrained = any(arm.initialisation != "random" for arm in study.arms.values())
    what = "Transfer learning" if pretrained else "Training"
    sizes = " to ".join(map(str, sorted({min(study.subset_size), max(study.subset_size)})))
    return f"{what} from {sizes} images{images}{repeated * is_of_slides(study)}"


def _images(study: Study) -> str:
    return join(dict.fromkeys(arm.target.data.title for arm in study.arms.values()))


def results_table(inputs: Inputs, size: int) -> dict:
    """The table of results of one subset size."""
    table, caption = results.result_table(inputs, size), table_caption(inputs, size)
    return {"size": size, "table": table, "table_caption": caption}


def size_results(inputs: Inputs, size: int) -> dict:
    """Table, figures and review of one subset size."""
    parts, table = [], results_table(inputs, size)
    audit = _audit(inputs, size) if inputs.is_audit else None
    first = size == inputs.study.subset_size[0]
    short = len(table["table"].rows) <= MOST_ROWS_ON_TOP
    for title, names in figures_by_part().items():
        shown = [found for name in names if (found := figure(inputs, size, name)) is not None]
        if shown:
            key = f"n{size}-{title.lower().replace(' ', '-')}"
            parts.append({"key": key, "title": title, "figures": shown})
    return {
        "key": f"n{size}",
        **table,
        "audit": audit,
        # A ladder has its own answer there.
        "on_top": (first or short) and not (audit and audit["headlines"]),
        "seed_table": results.seed_table(inputs, size),
        "curves": curves.curves_table(inputs, size),
        "about_curves": curves.about_curves(inputs),
        "parts": parts,
        "review": review(inputs, size),
    }


def _audit(inputs: Inputs, size: int) -> dict:
    """What the ladder and the ledger of a subset size say."""
    entries, has_ladder = ledger.entries(inputs, size), bool(inputs.study.ladder)
    rungs = inputs.ladder[inputs.ladder["subset_size"] == size]
    known = rungs.loc[rungs["quantity"] == "balanced_accuracy", "low"].notna()
    return {
        "headlines": ladder.headlines(inputs, size),
        "rungs": ladder.ladder_table(inputs, size) if has_ladder else None,
        "tested": ladder.spread_of_images(inputs, size) if has_ladder else "",
        "intervals": bool(known.any()),
        "ladder": figure(inputs, size, "ladder"),
        "ladder_loss": figure(inputs, size, "ladder-loss"),
        "tally": ledger.tally(
            ledger.of_size(inputs, size),
            "(the slides\u2019 and variants of them)"
            if claims_of_slides(inputs.study)
            else "of the study",
        ),
        "meanings": ledger.meanings(entry["verdict"] for entry in entries),
        "holm": ledger.holm_rule(inputs.claims),
        "entries": entries,
        "claims": figure(inputs, size, "claims"),
    }


def claims_of_slides(study: Study) -> bool:
    """Whether any of the study's claims was made on the slides."""
    return any(claim.slide for claim in study.claims.values())


def coverage(seeds_there: int) -> str:
    """What the intervals rest on with so many seeds; empty without intervals."""
    if seeds_there < MINIMUM_SEEDS:
        return ""
    few = (
        f"With {count(seeds_there, 'seed')} that cannot be checked, so look at every seed too. "
        if seeds_there < SEEDS_THAT_SHOW_A_SHAPE
        else ""
    )
    return (
        "Over seeds it is Student\u2019s t interval, which takes the values to be near normal. "
        f"{few}Where it is over seeds and test images, it holds for other seeds and other images "
        "of this data set; where it is over seeds, for these test images only."
    )


def _no_weights(study: Study) -> str:
    """The words for the weights where there is no record of any."""
    if _has_pretrained(study):
        return "No record of them was found."
    return "None: every arm starts from random weights."


def _has_pretrained(study: Study) -> bool:
    return any(arm.initialisation != "random" for arm in study.arms.values())


def groups_line(inputs: Inputs) -> str:
    """How the study's groups of arms repeat the experiment."""
    groups = list(groups_of(inputs.study))
    if inputs.study.ladder:
        rungs = count(len(inputs.study.ladder), "protocol")
        return f"under {rungs}, each with fewer flaws than the one before"
    if set(groups) == {"published", "corrected"}:
        return "once as it was published, mistakes included, and once corrected"
    return f"in {count(len(groups), 'variant')}: {join(groups)}" if len(groups) > 1 else ""


def side_line(study: Study) -> str:
    """Pixels a side of the arms that stand beside the slides, where the slides have others."""
    sides = sides_of_slides_group(study)
    if not is_of_slides(study) or sides == [SIDE]:
        return ""
    return f"with images of {join(map(str, sides))} pixels a side in place of {SIDE}"


def arms_line(inputs: Inputs) -> str:
    """The arms by name, each with the one it is compared with; the rungs of a ladder in one."""
    if inputs.study.ladder:
        return (
            "On each rung of the ladder the pretrained arm is compared with the new one, seed by "
            "seed."
        )
    if len(inputs.study.arms) == 1 and not is_of_slides(inputs.study):
        return f"This study has one: {inputs.named(next(iter(inputs.study.arms)))}."
    references, parts = inputs.references, []
    alone = "against the slides" if is_of_slides(inputs.study) else "by itself"
    for first in (arm for arm in inputs.study.arms if arm not in references):
        others = [inputs.named(arm) for arm, other in references.items() if other == first]
        if len(others) > MOST_ARM_COLUMNS - 1:
            others = [count(len(others), "other arm")]
        against = inputs.named(first)
        parts.append(f"{join(others)} against {against}" if others else f"{against} {alone}")
    return f"Comparisons: {'; '.join(parts)}."


def _seeds(inputs: Inputs) -> str:
    there, planned = inputs.seeds_there(), inputs.study.seed
    number = count(len(planned), "seed")
    missing = f"{len(there)} of " * (len(there) < len(planned))
    return f"{seeds(there)} ({missing}{number})"


def table_caption(inputs: Inputs, size: int) -> str:
    """Weights, seeds, test images, epoch rule and BatchNorm policy behind the table."""
    # Once where several networks start from weights of one name.
    used = join(dict.fromkeys(each["source"] for each in how_it_was_run.weights_used(inputs)))
    started = f"Pretrained weights: {used or 'no record'}. " * _has_pretrained(inputs.study)
    slides = "The slides have one seed and take the best epoch on all 10\u202f000 test images."
    slides += f" They have images of {SIDE} pixels a side." * bool(side_line(inputs.study))
    return (
        f"Reported values of networks trained on {whole(size)} images. "
        f"{started}Seeds: {seeds(inputs.seeds_there(size))}. "
        f"{_rules(inputs, size)} {_interval_rule(inputs, size)} "
        f"{slides * is_of_slides(inputs.study)}"
    ).strip()


def _interval_rule(inputs: Inputs, size: int) -> str:
    """What differences are and what the small print under a value is."""
    study = inputs.study
    several = len(study.arms) > 1
    swept = ", or the first with the same swept values" * any("~" in name for name in study.arms)
    paired = f"Differences are from the group\u2019s first arm{swept}, seed by seed. " * several
    if results.comparable_pairs(inputs) and baselines.are_compared(inputs, size):
        paired += "In rows without a network it is the pretrained network less the method. "
    if len(inputs.seeds_there(size)) < MINIMUM_SEEDS:
        return f"{paired}An interval needs {MINIMUM_SEEDS} seeds."
    return (
        f"Values are means over seeds. {paired}Small print: 95\u202f% interval of the mean, and "
        "what it is over."
    )


def _rules(inputs: Inputs, size: int) -> str:
    """Epoch rule and BatchNorm policy of each group of arms; once for groups that share them."""
    rules: dict[str, list[str]] = {}
    runs = inputs.runs[inputs.runs["subset_size"] == size]
    for group, names in groups_of(inputs.study).items():
        arms = [inputs.study.arms[name] for name in names]
        epochs = dict.fromkeys(protocol.reported_epoch(arm) for arm in arms)
        statistics = dict.fromkeys(protocol.statistics(arm) for arm in arms)
        rule = (
            f"epoch reported, {join(epochs, 'or')}; BatchNorm statistics, "
            f"{join(statistics, 'or')}; test images, "
            f"{how_it_was_run.tested_images(runs[runs['group'] == group])}."
        )
        # Ours, logits and Ours, trained in one: Ours, logits and trained.
        known = "Ours, " if rule in rules else ""
        rules.setdefault(rule, []).append(
            results.group_title(inputs.study, group).removeprefix(known)
        )
    return " ".join(f"{join(titles)}: {rule}" for rule, titles in rules.items())


def _data(study: Study) -> list[str]:
    """A sentence on the images of each target."""
    told = []
    for target in targets(study).values():
        data = target.data
        kind = "grey" if data.channels == 1 else "colour"
        told.append(
            f"{sentence(target.title)}: {kind} {data.pictures} of {data.side} pixels a side, in "
            f"{len(data.classes)} classes. Training images are drawn from its {whole(data.train)}; "
            f"test images are a fixed choice from its {whole(data.test)}."
        )
    return told


def _guessing(study: Study) -> dict[str, str]:
    """What guessing gives, and the bounds of losses on softmax outputs, in words.

    The bounds are empty where no arm has such a loss.
    """
    classes = sorted({arm.target.outputs for arm in study.arms.values()})
    softmax = {arm.target.outputs for arm in study.arms.values() if arm.head == "softmax"}
    bounds = [softmax_bounds(number) for number in sorted(softmax)]
    return {
        "accuracy": join((percent(1 / number) for number in classes), "or"),
        "loss": join((f"ln {number} = {np.log(number):.3f}" for number in classes), "or"),
        "softmax": join((f"{low:.3f} and {high:.3f}" for low, high in bounds), "or"),
    }


def _counted(data: DataSet, counts: list[int]) -> str:
    """How many images each class has; of many classes the fewest and the most."""
    if data.classes == DIGITS:
        return f"Images of the digits 0 to 9: {join(map(str, counts))}."
    if len(counts) > MOST_COUNTED:
        return f"Images of a class: {min(counts)} to {max(counts)}, of {len(counts)} classes."
    each = (f"{name} {number}" for name, number in zip(data.classes, counts, strict=True))
    return f"Images of the classes: {join(each)}."


def _sheet(study: Study, sheet: ContactSheet) -> PageFigure:
    key = f"sheet-{sheet.target.key}-{sheet.drawing}-{sheet.subset_size}"
    data = sheet.target.data
    duplicates = sheet.subset.get("duplicates", 0)
    repeated = (
        f" {sentence(count(duplicates, 'image'))} {'was' if duplicates == 1 else 'were'} drawn "
        "more than once."
    )
    caption = (
        f"{sentence(data.title)}, {protocol.DRAWINGS[sheet.drawing]}: {whole(sheet.subset_size)} "
        f"images. {_counted(data, sheet.subset['counts'])}{repeated * (duplicates > 0)}"
    )
    title = f"Training images of seed {sheet.seed}"
    command = (
        f"tlstudy subset {folder_told(study)} --target "
        f"{sheet.target.key} --drawing {sheet.drawing} --subset-size {sheet.subset_size} "
        f"--seed {sheet.seed}"
    )
    return PageFigure(
        key=f"figure-{key}",
        title=title,
        caption=caption,
        svg=inline_svg(sheet.svg or "", key, title, caption),
        file=f"{study.study}-{key}",
        command=command,
    )
