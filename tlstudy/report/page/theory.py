"""The section on Proposition 3 and the laboratory, gathered for the template."""

from tlstudy.config.catalogue import PENALTY, laboratory_figures, states_proposition
from tlstudy.report.format import count, seeds
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.figures import study_figure
from tlstudy.report.sentences import laboratory, ledger, theory


def section(inputs: Inputs) -> dict | None:
    """Names and values for the template; None for a study that does not test the proposition."""
    if not states_proposition(inputs.study):
        return None
    experiments = inputs.study.laboratory.experiments
    return {
        "printed": theory.printed_table(inputs.formulas),
        "draws": theory.draws_line(inputs.formulas),
        "example": theory.example_line(),
        "penalty": study_figure(inputs, PENALTY),
        "laboratory": _laboratory(inputs) if experiments else None,
        "claims": theory.claims_of_ledger(inputs),
    }


def _laboratory(inputs: Inputs) -> dict:
    """Names and values for the template.

    `notes` of an experiment tell what the claims' means hide: networks that did not fit, and the
    worst conditions. `meanings` has the verdicts that occur.
    """
    figures = (study_figure(inputs, name) for name in laboratory_figures(inputs.study))
    return {
        "experiments": [
            laboratory.experiment(inputs, name) for name in inputs.study.laboratory.experiments
        ],
        "seeds": f"{count(len(inputs.study.seed), 'seed')} ({seeds(inputs.study.seed)})",
        "ran": laboratory.ran(inputs),
        "tally": laboratory.tally(inputs),
        "meanings": list(ledger.meanings(inputs.laboratory_claims["verdict"]).items()),
        "figures": [figure for figure in figures if figure is not None],
    }
