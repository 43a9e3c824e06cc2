"""All that the page says, gathered from the data; the template only lays it out."""

from jinja2.utils import htmlsafe_json_dumps

from tlstudy.config.catalogue import ACCURACY_BY_SIZE, CONTRADICTIONS, figures_by_part
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import is_of_slides
from tlstudy.config.settings import Study
from tlstudy.config.training import Trained
from tlstudy.report.format import join, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.names import network_name
from tlstudy.report.page import sheets, theory
from tlstudy.report.page.figures import figure, study_figure
from tlstudy.report.sentences import (
    curves,
    how_it_was_run,
    ladder,
    ledger,
    opening,
    protocol,
    published,
    results,
)
from tlstudy.report.sentences.alarms import alarms
from tlstudy.report.sentences.review import review
from tlstudy.report.sentences.runs import runs_table

MOST_ROWS_ON_TOP = 6  # of a table of results of a further number of images


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    study, arms = inputs.study, inputs.study.arms.values()
    return {
        "study": study,
        "title": opening.title(study),
        "progress": inputs.progress,
        "weights": how_it_was_run.weights_used(inputs),
        "no_weights": opening.no_weights(study),
        "groups_line": opening.groups_line(inputs),
        "side_line": opening.side_line(inputs.study),
        "arms_line": opening.arms_line(inputs),
        "contradictions": published.sentences() if inputs.is_audit and is_of_slides(study) else [],
        "contradictions_figure": study_figure(inputs, CONTRADICTIONS),
        "alarms": alarms(inputs),
        "theory": theory.section(inputs),
        # What a reader must know before the first number, weights apart.
        "facts": [
            ("Training images", join(whole(size) for size in study.subset_size)),
            ("Seeds", opening.seeds_told(inputs)),
            ("Test images", how_it_was_run.tested_images(inputs.runs)),
            ("Device", how_it_was_run.device(inputs.runs)),
            ("Arithmetic", how_it_was_run.arithmetic(inputs.runs)),
        ],
        "warnings": how_it_was_run.warnings(inputs),
        "sizes": [size_results(inputs, size) for size in study.subset_size],
        "about_slides": inputs.is_about_slides,
        "of_slides": is_of_slides(study),
        "whose": "slides\u2019" if claims_of_slides(study) else "study\u2019s",
        "images": opening.images(study),
        "data": opening.data(study),
        "guessing": opening.guess(study),
        "has_pretrained": opening.has_pretrained(study),
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
        "sheets": [sheets.sheet(study, sheet) for sheet in inputs.contact_sheets],
        "flaws": protocol.flaws(study),
        "machine": how_it_was_run.machine(inputs),
        "runs": runs_table(inputs),
        "checksums": how_it_was_run.checksums(inputs),
        "configuration": how_it_was_run.configuration(inputs.progress.study),
        "by_size": study_figure(inputs, ACCURACY_BY_SIZE),
        "minimum_seeds": MINIMUM_SEEDS,
        "coverage": opening.coverage(len(inputs.seeds_there())),
    }


def results_table(inputs: Inputs, size: int) -> dict:
    """The table of results of one subset size."""
    table, caption = results.result_table(inputs, size), opening.table_caption(inputs, size)
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
