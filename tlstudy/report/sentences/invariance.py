"""Table of answers on turned images, and the transfer index."""

import pandas as pd

from tlstudy.audit.quantities import values_of
from tlstudy.audit.statistics import summarise
from tlstudy.audit.transfer_index import LEAST_GAIN, TransferIndex
from tlstudy.config.exposures import exposed_arms
from tlstudy.config.groups import label_of
from tlstudy.report.figures.invariance import index_of, of_arm
from tlstudy.report.format import number, percent, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.experiments import measured_arms
from tlstudy.report.tables import Table

COLUMNS = {  # quantity behind each head, and how its values are written
    "Upright": ("accuracy_upright", percent),
    "Turned, the seed\u2019s half of the classes": ("accuracy_turned.seen", percent),
    "Turned, other classes": ("accuracy_turned.unseen", percent),
    "Turned by 180 or 270\N{DEGREE SIGN}, all classes": (
        "accuracy_transformed.half-and-three-quarter-turn",
        percent,
    ),
    "Divergence of the answers on turned images (nats)": (
        "divergence.quarter-turn",
        lambda value: number(value, 2),
    ),
}


def invariance_table(inputs: Inputs, size: int) -> Table | None:
    """A row for each measured arm, and one for the transfer index of each network."""
    arms = measured_arms(inputs, inputs.invariance, size)
    if not arms:
        return None
    values = {name: _values(inputs, name, size) for name, _ in COLUMNS.values()}
    rows = [
        [
            label_of(inputs.study, arm),
            *(
                summarise(of_arm(values[name], arm).to_numpy()).text(shown, short=True)
                for name, shown in COLUMNS.values()
            ),
        ]
        for arm in arms
    ]
    for networks in exposed_arms(inputs.study):
        if set(networks.values()) <= set(arms):
            title = f"Transfer index: {label_of(inputs.study, networks['half'])}"
            found = index_of(values["accuracy_turned.unseen"], networks)
            rows.append([title, index_words(found)])
    return Table(["Arm", *COLUMNS], rows)


def index_words(index: TransferIndex, digits: int = 2) -> str:
    """0.42 (95 % interval 0.30 to 0.55 over 10 seeds), or why there is none."""
    if index.reason:
        return f"Not testable: {index.reason}."
    ends = f"{number(index.low, digits)} to {number(index.high, digits)}"
    return f"{number(index.value, digits)} (95\u202f% interval {ends} over {index.seeds} seeds)"


def about_index(inputs: Inputs, size: int) -> str:
    """What the index is; empty if nothing was measured."""
    if not measured_arms(inputs, inputs.invariance, size):
        return ""
    return sentence(
        "transfer index: the gain on turned images of the other classes where half of the classes "
        "are shown turned, over the gain where all are; 1 if invariance transfers fully, 0 if not "
        f"at all, not testable if all gain less than {percent(LEAST_GAIN)}. Its interval is "
        "Fieller\u2019s, over seeds."
    )


def _values(inputs: Inputs, name: str, size: int) -> pd.Series:
    found = values_of({"runs": inputs.runs, "invariance": inputs.invariance}, name)
    return found[found.index.get_level_values("subset_size") == size]
