"""When each claim of a study was first seen: one that came after its runs was not in advance."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tlstudy.config.ledger import Claim, pairs
from tlstudy.config.settings import Study
from tlstudy.config.study import digest, runs
from tlstudy.jobs import paths
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.reading import read_json

NOT_DECIDING = {"figure", "slide"}  # keys of a claim that its verdict does not depend on
NOT_OF_A_RUN = {"label", "group"}  # likewise of an arm
BEFORE, CHANGED, AFTER, UNKNOWN = "before", "changed", "after", "not recorded"


@dataclass(frozen=True)
class Sightings:
    """First sightings of claims: by name and digest the time, and whether results were there.

    Digests of a name stand in the order in which they were seen.
    """

    found: dict[str, dict[str, dict]]

    def stated(self, study: Study, name: str, ended: Iterable[str]) -> str:
        """Whether a claim, as it and its arms are today, was stated before its runs.

        Args:
            ended: when its runs ended, UTC; empty texts where that is not known.

        Returns:
            before; changed: that too, but the claim or an arm of it was another one earlier;
            after the first of its runs; or not recorded.
        """
        seen, ended = self.found.get(name, {}), list(ended)
        today = digest_of(study, name)
        if today not in seen or not ended or not all(ended):
            return UNKNOWN
        sighting = seen[today]
        first = min(map(datetime.fromisoformat, ended))
        if sighting["results"] or datetime.fromisoformat(sighting["time"]) >= first:
            return AFTER
        return BEFORE if next(iter(seen)) == today else CHANGED


def arms_of(claim: Claim) -> list[str]:
    """Arms that a claim and its controls name."""
    named = [arm for pair in pairs(claim).values() for arm in (pair.arm, pair.against)]
    named += [control.arm for control in claim.controls]
    return [arm for arm in dict.fromkeys(named) if arm]


def digest_of(study: Study, name: str) -> str:
    """Digest of a claim's text, comparison, effect size and controls, and of its arms' settings."""
    claim = study.claims[name]
    arms = {
        arm: study.arms[arm].model_dump(mode="json", exclude=NOT_OF_A_RUN, exclude_defaults=True)
        for arm in arms_of(claim)
        if arm in study.arms
    }
    own = claim.model_dump(mode="json", exclude=NOT_DECIDING, exclude_defaults=True)
    return digest([own, arms])


def read_sightings(study: Study) -> Sightings:
    """What was recorded; nothing of a study that was made before sightings were."""
    file = paths.claims_seen_file(study)
    return Sightings(read_json(file, "claims") if file.is_file() else {})


def record_claims(study: Study) -> None:
    """Record the time of each claim that the study has for the first time, as it stands today.

    A run that is made again ends later; that it had results before is recorded too.
    """
    found = {name: dict(seen) for name, seen in read_sightings(study).found.items()}
    now, changed = datetime.now(UTC).isoformat(timespec="seconds"), False
    there: set[str] | None = None
    for name in study.claims:
        seen, today = found.setdefault(name, {}), digest_of(study, name)
        if today not in seen:
            there = _arms_with_results(study) if there is None else there
            results = bool(there & set(arms_of(study.claims[name])))
            seen[today], changed = {"time": now, "results": results}, True
    if changed:
        write_json_atomically(paths.claims_seen_file(study), found)


def _arms_with_results(study: Study) -> set[str]:
    return {
        run.arm
        for run in runs(study)
        if (paths.folder_of_run(study, run) / paths.RUN_RECORD).is_file()
    }
