"""The tables of a study by file name, with their columns."""

from tlstudy.config.catalogue import states_proposition
from tlstudy.config.measurements import measured_tables
from tlstudy.config.settings import Study
from tlstudy.storage.columns import (
    ANSWERS,
    CLAIM_VALUES,
    CLAIMS,
    FINDINGS,
    KEYS,
    LADDER,
    LAYERS,
    METRICS,
    RUNS,
)
from tlstudy.storage.laboratory_columns import (
    FORMULAS,
    LABORATORY,
    LABORATORY_CLAIM_VALUES,
    LABORATORY_CLAIMS,
    LABORATORY_RUNS,
)

# Those of the step `aggregate`, and those of the step `claims`.
AGGREGATED_TABLES = {
    "runs": RUNS,
    "metrics": METRICS,
    "layers": LAYERS,
    **{name: {**KEYS, **columns} for name, columns in measured_tables().items()},
    "answers": ANSWERS,
    "findings": FINDINGS,
    "laboratory": LABORATORY,
    "laboratory-runs": LABORATORY_RUNS,
}
CLAIM_TABLES = {
    "ladder": LADDER,
    "claims": CLAIMS,
    "claim-values": CLAIM_VALUES,
    "laboratory-claims": LABORATORY_CLAIMS,
    "laboratory-claim-values": LABORATORY_CLAIM_VALUES,
}
ALL_TABLES = AGGREGATED_TABLES | CLAIM_TABLES | {"formulas": FORMULAS}


def tables_of(study: Study) -> list[str]:
    """Names of the study's tables; the laboratory's and `formulas` only where it has them."""
    return [
        name
        for name in ALL_TABLES
        if (study.laboratory.experiments or not name.startswith("laboratory"))
        and (name != "formulas" or states_proposition(study))
    ]
