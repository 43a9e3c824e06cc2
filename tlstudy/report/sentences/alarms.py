"""What the sentinels found: in the published series, in runs of that protocol, and in the others.

A note is true of many a sound run and no alarm, so it is told apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from tlstudy.audit.sentinels import SEVERITIES, Finding
from tlstudy.audit.sentinels.alarms import false_alarms
from tlstudy.audit.sentinels.published import findings_on_published
from tlstudy.report.figures.captions import PUBLISHED_GROUP
from tlstudy.report.format import THIN, join, percent, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.protocol import label

NETWORKS = {"new": "new network", "pretrained": "pretrained network"}
MEANINGS = {
    "error": "a comparison with the run means nothing",
    "warning": "it does not mean what it says",
    "note": "true of many a sound run, and no alarm",
}


@dataclass(frozen=True)
class Sighting:
    """Where a sentinel saw something, and what: that of the first run where there are more."""

    who: str
    saw: str


@dataclass
class Alarm:
    """All that one sentinel found; `flaws` are those of the published study it stands for."""

    name: str
    flaws: str
    severity: str
    why: str
    advice: str
    slides: list[Sighting] = field(default_factory=list)
    ours: list[Sighting] = field(default_factory=list)


@dataclass(frozen=True)
class Alarms:
    """What the page says of the sentinels.

    Attributes:
        published: on the slides' series and on our runs of the published protocol.
        others: on all other runs, one entry for each sentinel.
        rate: how often sound runs raised an alarm, in a sentence.
        meanings: what each severity that occurs means.
    """

    published: list[Alarm]
    others: list[Alarm]
    rate: str
    meanings: list[tuple[str, str]]
    with_slides: bool


def alarms(inputs: Inputs) -> Alarms:
    """Findings by sentinel; those on the slides' series for studies that audit them."""
    with_slides = bool(inputs.study.ladder or inputs.study.claims)
    arms = inputs.study.arms
    rows = inputs.findings[inputs.findings["arm"].isin(list(arms))]
    ours = rows["arm"].map({name: arm.group == PUBLISHED_GROUP for name, arm in arms.items()})
    slides = findings_on_published() if with_slides else []
    published = _by_sentinel(inputs, rows[ours.astype(bool)], slides)
    others = _by_sentinel(inputs, rows[~ours.astype(bool)], [])
    seen = {alarm.severity for alarm in (*published, *others)}
    return Alarms(
        published=published,
        others=others,
        rate=rate_sentence(inputs),
        meanings=[(name, MEANINGS[name]) for name in SEVERITIES if name in seen],
        with_slides=with_slides,
    )


def _by_sentinel(inputs: Inputs, rows: pd.DataFrame, slides: Iterable[Finding]) -> list[Alarm]:
    """One entry for each sentinel, the gravest first, in the sentinels' order among equals."""
    found: dict[str, Alarm] = {}
    for name, sightings in _slides_sightings(slides).items():
        alarm = found.setdefault(name, _alarm(sightings[0].row()))
        alarm.slides.extend(_sighting_on_slides(sightings))
    for (name, arm), part in rows.groupby(["sentinel", "arm"], sort=False):
        alarm = found.setdefault(name, _alarm(part.iloc[0].to_dict()))
        alarm.ours.append(_sighting(inputs, arm, part))
    return sorted(found.values(), key=lambda alarm: SEVERITIES.index(alarm.severity))


def _alarm(row: dict) -> Alarm:
    return Alarm(
        name=sentence(row["sentinel"].replace("-", " ")),
        flaws=row["flaws"] or "",
        severity=row["severity"],
        why=row["why"],
        advice=row["advice"],
    )


def _slides_sightings(slides: Iterable[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in slides:
        found.setdefault(finding.sentinel, []).append(finding)
    return found


def _sighting_on_slides(findings: list[Finding]) -> list[Sighting]:
    """What was seen of each network; once for both where it is the same."""
    by_text: dict[str, list[str]] = {}
    for finding in findings:
        by_text.setdefault(finding.saw, []).append(NETWORKS[finding.arm])
    return [Sighting(f"Slides, {join(who)}", _plain(saw)) for saw, who in by_text.items()]


def _sighting(inputs: Inputs, arm: str, rows: pd.DataFrame) -> Sighting:
    total = int((inputs.runs["arm"] == arm).sum())
    first = rows.iloc[0]
    size = f"{first['subset_size']} images, " if len(inputs.study.subset_size) > 1 else ""
    seen = f"{len(rows)} of {total} run{'s' if total != 1 else ''}"
    where = f", here {size}seed {first['seed']}" if total > 1 else ""
    who = f"{label(arm, inputs.study.arms[arm])}, {seen}{where}"
    return Sighting(who, _plain(first["saw"]))


def _plain(saw: str) -> str:
    """What was seen without the underscores of column names."""
    return saw.replace("_", " ")


def rate_sentence(inputs: Inputs) -> str:
    """How often runs of a sound protocol raised an alarm."""
    found = false_alarms(inputs.runs, inputs.findings)
    if not found.runs:
        return (
            "No run here has a protocol without the published flaws, so nothing can be said of "
            "false alarms."
        )
    verb = "run has" if found.runs == 1 else "runs have"
    which = ""
    if found.alarmed:
        named = join(
            f"{name.replace('-', ' ')} ({amount})" for name, amount in found.sentinels.items()
        )
        which = f": {named}"
    return (
        f"False alarms: {found.runs} {verb} a protocol with none of the published flaws, and "
        f"{found.alarmed} of them raised an alarm{which}. That is {percent(found.rate)} (95{THIN}% "
        f"interval {percent(found.low)} to {percent(found.high)}), and an upper bound, as a sound "
        "protocol can go wrong too. The interval takes all runs as different ones: runs that end "
        "alike, such as a tuned run that keeps the default learning rate, make it too short."
    )
