"""Whether a results folder holds: every file as it was written, made by this code from the rest."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from tlstudy.config.settings import Study
from tlstudy.config.study import finished_study
from tlstudy.data.download import sha256
from tlstudy.jobs import paths
from tlstudy.jobs.records import Record, read_record
from tlstudy.jobs.steps import Step, steps

# Of how jobs went, and no artefacts.
NOT_VERIFIED = ("logs", "benchmarks", "attempts", "incomplete", "scratch", "settings")
DIGITS = 12  # of a checksum, where it is told


class Verification:
    """Holds the files of a study against their records.

    Attributes:
        steps: in the order of the workflow.
        sizes: bytes of every artefact and record that was looked at, by its path.
        unseen: files of the cache that are not there, so nothing is known of them.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.folder = study, paths.study_folder(study)
        self.steps = list(steps(study))
        self.sizes: dict[Path, int] = {}
        self.unseen: set[Path] = set()
        self._checksums: dict[Path, str] = {}

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that does not hold, in the order of the workflow."""
        if not paths.provenance_folder(self.study).is_dir():
            yield (
                f"{self._name(paths.provenance_folder(self.study))}: missing, as in results of "
                "earlier versions, so nothing can be verified; run the workflow again, it makes "
                "the records."
            )
            return
        # A quick check has no use for a bar, and a log none either.
        for step in tqdm(self.steps, desc="verified", unit="job", delay=2, disable=None):
            yield from self._of_step(step)

    def fingerprint(self) -> str:
        """One checksum of all results: folders that share it hold the same, byte for byte."""
        results = (f"{self._checksum(file)} {self._name(file)}\n" for file in self.results())
        return hashlib.sha256("".join(results).encode()).hexdigest()

    def results(self) -> list[Path]:
        """Files that the steps made and that stay, in the order of the workflow."""
        return [file for step in self.steps for file in step.outputs if file not in step.passing]

    def files(self) -> list[Path]:
        """The study's files: its configuration, results that stay, and their records."""
        records = [step.record for step in self.steps]
        return [paths.study_file(self.study), *self.results(), *records]

    def strangers(self) -> list[Path]:
        """Files in the folder that the study does not know; logs and the like apart."""
        known = {*self.files(), *(file for step in self.steps for file in step.passing)}
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [
            file
            for file in files
            if file not in known and file.relative_to(self.folder).parts[0] not in NOT_VERIFIED
        ]

    def _of_step(self, step: Step) -> Iterator[str]:
        lost = [file for file in step.outputs if not file.is_file() and file not in step.passing]
        yield from (
            f"{self._name(file)}: missing; `tlstudy {step.stage}` makes it." for file in lost
        )
        if not step.record.is_file():
            yield (
                f"{self._name(step.record)}: missing, so nothing says what "
                f"{self._name(step.outputs[0])} was made from; `tlstudy {step.stage}` makes both."
            )
            return
        record = read_record(step.record)
        if record is None:
            yield f"{self._name(step.record)}: was altered (its seal is not that of its content)."
            return
        self.sizes[step.record] = step.record.stat().st_size
        yield from self._outputs(step, record)
        yield from self._settings_and_code(step, record)
        yield from self._inputs(step, record)

    def _outputs(self, step: Step, record: Record) -> Iterator[str]:
        written = {self.folder / name: output for name, output in record.outputs.items()}
        if set(written) != set(step.outputs):
            yield f"{self._name(step.record)}: lists other files than the study's; must be theirs."
        for file in step.outputs:
            if file not in written:
                continue
            if not file.is_file():
                # What was made from it can still be held against its record.
                self._checksums.setdefault(file, written[file].sha256)
                continue
            size, expected = file.stat().st_size, written[file].bytes
            if size < expected:
                yield f"{self._name(file)}: was truncated ({size:,} of {expected:,} bytes)."
            elif self._checksum(file) != written[file].sha256:
                yield (
                    f"{self._name(file)}: was altered (its SHA-256 is "
                    f"{self._checksum(file)[:DIGITS]}…; its record says "
                    f"{written[file].sha256[:DIGITS]}…)."
                )

    def _settings_and_code(self, step: Step, record: Record) -> Iterator[str]:
        made = self._name(step.outputs[0])
        names = [*step.settings, *(name for name in record.settings if name not in step.settings)]
        others = [name for name in names if record.settings.get(name) != step.settings.get(name)]
        if others:
            yield f"{made}: was made with other settings than study.json's: {', '.join(others)}."
        if record.code != step.code:
            yield (
                f"{made}: was made by other code ({record.code}, commit "
                f"{record.environment.get('commit', 'unknown')}) than the installed tlstudy's "
                f"({step.code})."
            )
        # A library of which there is no word is not used, or by other code.
        others = [
            name
            for name, version in step.libraries.items()
            if record.libraries.get(name, version) != version
        ]
        if others:
            before, now = (
                ", ".join(f"{name} {versions[name]}" for name in others)
                for versions in (record.libraries, step.libraries)
            )
            yield (
                f"{made}: was made with another version of a library: {before}; installed here: "
                f"{now}."
            )

    def _inputs(self, step: Step, record: Record) -> Iterator[str]:
        made = self._name(step.outputs[0])
        read = {self.folder / name: digest for name, digest in record.inputs.items()}
        read |= {self.study.cache / name: digest for name, digest in record.cache.items()}
        belonging = (*step.inputs, *step.cached)
        self.unseen |= {file for file in step.cached if not file.is_file()}
        for file in belonging:
            if not self._known(file):
                continue
            if file not in read:
                yield f"{made}: was made without {self._name(file)}, which is there."
            elif self._checksum(file) != read[file]:
                yield (
                    f"{made}: was made from another {self._name(file)} "
                    f"(SHA-256 {read[file][:DIGITS]}…) than the one that is there "
                    f"({self._checksum(file)[:DIGITS]}…)."
                )
        for file in sorted(read.keys() - set(belonging)):
            yield f"{made}: was also made from {self._name(file)}, which is not the study's."

    def _known(self, file: Path) -> bool:
        return file in self._checksums or file.is_file()

    def _checksum(self, file: Path) -> str:
        if file not in self._checksums:
            self._checksums[file] = sha256(file)
            self.sizes[file] = file.stat().st_size
        return self._checksums[file]

    def _name(self, file: Path) -> str:
        """As records name it; a file of the cache with the cache's folder."""
        inside = file.is_relative_to(self.folder)
        return (file.relative_to(self.folder) if inside else file).as_posix()


def verify_folder(folder: Path, everything: bool = False) -> tuple[str, bool]:
    """Verify a results folder.

    Args:
        everything: tell all that does not hold, not the first alone, and what is of no study.

    Returns:
        What was found, and whether the folder holds.

    Raises:
        UserError: it is no study's folder.
    """
    verification = Verification(finished_study(folder))
    problems = list(islice(verification.problems(), None if everything else 1))
    lines = [*problems] if everything else [_first(folder, problem) for problem in problems]
    if everything:
        strangers = verification.strangers()
        lines += [f"Note: {file}: not of the study; not looked at." for file in strangers]
    if not problems:
        lines.append(_holds(folder, verification))
    return "\n".join(lines), not problems


def _first(folder: Path, problem: str) -> str:
    return f"{folder} does not hold. {problem}\nThis is the first such thing; --all tells all."


def _holds(folder: Path, verification: Verification) -> str:
    megabytes = sum(verification.sizes.values()) / 1e6
    looked_at = (
        f"{folder} holds: {len(verification.sizes)} files ({megabytes:,.1f} MB) of "
        f"{len(verification.steps)} jobs are as their records say, and were made by this code."
    )
    if verification.unseen:
        looked_at += (
            f"\nNot looked at: {len(verification.unseen)} files of images and weights, which are "
            f"not in {verification.study.cache}; the records hold their checksums."
        )
    return f"{looked_at}\nFingerprint: {verification.fingerprint()}"
