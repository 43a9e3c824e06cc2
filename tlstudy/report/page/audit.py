"""The audit's opening: what is left of the published result, and which claims stand."""

from dataclasses import dataclass

from tlstudy.config.catalogue import CONTRADICTIONS
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.figures import PageFigure, figure, study_figure
from tlstudy.report.sentences import ladder, ledger, test_images
from tlstudy.report.sentences import published as published_contradictions
from tlstudy.report.sentences.ledger import Entry
from tlstudy.report.sentences.results import Cell


@dataclass(frozen=True)
class Audit:
    """What the ladder and the ledger of a subset size say.

    Attributes:
        headlines: sentences for the first screen, computed.
        heads, rungs: the table of the ladder; no rungs without one.
        tested: on which test images its values are; empty likewise.
        hidden: what the new networks know that their running BatchNorm statistics do not show.
        tally: how many claims have which verdict; empty without claims.
        meanings: what each verdict that occurs means.
    """

    headlines: list[str]
    heads: list[str]
    rungs: list[tuple[Cell, list[Cell]]]
    tested: str
    hidden: str
    ladder: PageFigure | None
    ladder_loss: PageFigure | None
    tally: str
    meanings: list[tuple[str, str]]
    entries: list[Entry]
    claims: PageFigure | None


def of_size(inputs: Inputs, size: int) -> Audit | None:
    """The audit of a subset size; None for a study without ladder and claims."""
    if not inputs.study.ladder and not inputs.study.claims:
        return None
    entries = ledger.entries(inputs, size)
    verdicts = {entry.verdict for entry in entries}
    return Audit(
        headlines=ladder.headlines(inputs, size),
        heads=ladder.HEADS,
        rungs=ladder.ladder_rows(inputs, size) if inputs.study.ladder else [],
        tested=test_images.sentences(inputs, size) if inputs.study.ladder else "",
        hidden=ladder.hidden_line(inputs, size),
        ladder=figure(inputs, size, "ladder"),
        ladder_loss=figure(inputs, size, "ladder-loss"),
        tally=ledger.tally(inputs, size),
        meanings=[item for item in ledger.MEANINGS.items() if item[0] in verdicts],
        entries=entries,
        claims=figure(inputs, size, "claims"),
    )


def contradictions(inputs: Inputs) -> tuple[list[str], PageFigure | None] | None:
    """What the published material says against itself, for studies that audit it."""
    if not inputs.study.ladder and not inputs.study.claims:
        return None
    return published_contradictions.sentences(), study_figure(inputs, CONTRADICTIONS)
