"""When each claim of a study was first seen: one that came after its runs was not in advance."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tlstudy.config.ledger import Claim
from tlstudy.config.settings import Study
from tlstudy.config.study import digest
from tlstudy.jobs import paths
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.reading import read_json

NOT_DECIDING = {"figure", "slide"}  # keys of a claim that its verdict does not depend on


@dataclass(frozen=True)
class Sightings:
    """First sightings of claims, by name and then by digest of what decides them."""

    times: dict[str, dict[str, str]]

    def first(self, name: str, claim: Claim) -> datetime | None:
        """When the claim, as it is today, was first seen; None if there is no record of it."""
        found = self.times.get(name, {}).get(digest_of(claim))
        return datetime.fromisoformat(found) if found else None


def digest_of(claim: Claim) -> str:
    """Digest of a claim's text, comparison, effect size and controls."""
    decides = claim.model_dump(mode="json", exclude=NOT_DECIDING)
    if claim.minus is None:  # the key came later, and claims that do without it stay as they were
        del decides["minus"]
    return digest(decides)


def read_sightings(study: Study) -> Sightings:
    """What was recorded; nothing of a study that was made before sightings were."""
    file = paths.claims_seen_file(study)
    return Sightings(read_json(file, "claims") if file.is_file() else {})


def record_claims(study: Study) -> None:
    """Record the time of each claim that the study has for the first time, as it stands today."""
    times = {name: dict(found) for name, found in read_sightings(study).times.items()}
    now, changed = datetime.now(UTC).isoformat(timespec="seconds"), False
    for name, claim in study.claims.items():
        seen = times.setdefault(name, {})
        if digest_of(claim) not in seen:
            seen[digest_of(claim)], changed = now, True
    if changed:
        write_json_atomically(paths.claims_seen_file(study), times)
