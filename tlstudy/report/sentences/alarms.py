"""Findings of the sentinels: in the slides' series, in runs of that protocol, and in others."""

from collections.abc import Iterable, Iterator

import pandas as pd

from tlstudy.audit.alarms import RUN, false_alarms
from tlstudy.audit.published import findings_on_published
from tlstudy.config.groups import is_of_slides, label_of
from tlstudy.report.figures.captions import PUBLISHED_GROUP
from tlstudy.report.format import THIN, count, join, percent, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.watching.finding import ALARMS, SEVERITIES

NETWORKS = {"new": "new network", "pretrained": "pretrained network"}
MEANINGS = {
    "error": "a comparison with the run means nothing",
    "warning": "the run\u2019s result does not mean what it says",
    "note": "true of many sound runs, so no alarm",
}


def alarms(inputs: Inputs) -> dict:
    """Findings by sentinel: of the slides and our runs of their protocol, and of other runs."""
    arms = inputs.study.arms
    rows = inputs.findings[inputs.findings["arm"].isin(list(arms))]
    ours = rows["arm"].isin([name for name in arms if arms[name].group == PUBLISHED_GROUP])
    with_slides = inputs.is_audit and is_of_slides(inputs.study)
    slides = _on_slides() if with_slides else ()
    published = _by_sentinel([*slides, *_on_runs(inputs, rows[ours])])
    others = _by_sentinel(_on_runs(inputs, rows[~ours]))
    seen = {alarm["severity"] for alarm in (*published, *others)}
    return {
        "published": published,
        "others": others,
        "rate": rate_sentence(inputs) if inputs.is_about_slides else alarmed_sentence(inputs),
        "meanings": {name: MEANINGS[name] for name in SEVERITIES if name in seen},
        "with_slides": with_slides,
    }


def _on_slides() -> Iterator[tuple[str, dict]]:
    """Where, and the finding as a row; once for both networks where they have the same."""
    table = pd.DataFrame(found.row() for found in findings_on_published())
    for _, part in table.groupby(["sentinel", "saw"], sort=False):
        yield f"Slides, {join(map(NETWORKS.get, part['arm']))}", part.iloc[0].to_dict()


def _on_runs(inputs: Inputs, rows: pd.DataFrame) -> Iterator[tuple[str, dict]]:
    """Where, and the finding of an arm's first run as a row."""
    for (_, arm), part in rows.groupby(["sentinel", "arm"], sort=False):
        first, total = part.iloc[0], int((inputs.runs["arm"] == arm).sum())
        where = f"n = {first['subset_size']}, seed {first['seed']}"
        runs = f"{len(part)} of {count(total, 'run')}"
        yield f"{label_of(inputs.study, arm)}, {runs}, here {where}", first.to_dict()


def _by_sentinel(findings: Iterable[tuple[str, dict]]) -> list[dict]:
    """One entry for each sentinel, the gravest first, in the sentinels' order among equals.

    `sightings` has where it saw something, and what; of an arm, what it saw in the first run.
    """
    found: dict[str, dict] = {}
    for where, row in findings:
        alarm = {name: row[name] or "" for name in ("flaws", "severity", "why", "advice")}
        alarm |= {"name": sentence(row["sentinel"].replace("-", " ")), "sightings": []}
        alarm = found.setdefault(row["sentinel"], alarm)
        # Column names have underscores.
        alarm["sightings"].append((where, row["saw"].replace("_", " ")))
    return sorted(found.values(), key=lambda alarm: SEVERITIES.index(alarm["severity"]))


def alarmed_sentence(inputs: Inputs) -> str:
    """How many runs raised an alarm; those of arms that share a training count once."""
    found = inputs.findings[inputs.findings["severity"].isin(ALARMS)]
    alarmed = inputs.runs.merge(found[RUN].drop_duplicates(), on=RUN)
    some, every = (table["run"].nunique() for table in (alarmed, inputs.runs))
    return f"{some} of {count(every, 'run')} raised an alarm, which is an error or a warning."


def rate_sentence(inputs: Inputs) -> str:
    """How often runs of a sound protocol raised an alarm."""
    found = false_alarms(inputs.runs, inputs.findings)
    if not found.runs:
        return "Every run here has a published flaw, so this study says nothing of false alarms."
    names = [f"{name.replace('-', ' ')} ({amount})" for name, amount in found.sentinels.items()]
    return (
        f"False alarms: of {count(found.runs, 'run')} with none of the published flaws, "
        f"{found.alarmed} raised an alarm (by sentinel: {join(names) or 'none'}). The rate is "
        f"{percent(found.rate)} (95{THIN}% interval {percent(found.low)} to "
        f"{percent(found.high)}). It is an upper bound: a sound protocol can go wrong too. The "
        "interval takes all runs as independent. Identical runs, such as a tuned run that keeps "
        "the default learning rate, make it too short."
    )
