"""Checks that every file of a results folder is as its provenance says."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from tlstudy.config.settings import Study
from tlstudy.config.study import SETTINGS_FOLDER, finished_study
from tlstudy.jobs import paths
from tlstudy.jobs.calls import going_on
from tlstudy.jobs.graph import Step, steps
from tlstudy.jobs.provenance import Provenance, read_provenance
from tlstudy.storage.files import sha256

# They say how jobs went, and are no results.
NOT_VERIFIED = (
    *(paths.LOGS, paths.BENCHMARKS, paths.ATTEMPTS, paths.INCOMPLETE, paths.SCRATCH),
    SETTINGS_FOLDER,
    paths.RUNS_INDEX,
    paths.CLAIMS_SEEN,
)
DIGITS = 12  # of a checksum, in sentences


class Verification:
    """Compares the files of a study with their provenance.

    Attributes:
        steps: in the order of the workflow.
        sizes: bytes of every file that was checked, by its path.
        unseen: files of the cache that are not there, so they cannot be checked.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.folder = study, paths.study_folder(study)
        self.steps = list(steps(study))
        self.sizes: dict[Path, int] = {}
        self.unseen: set[Path] = set()
        self._checksums: dict[Path, str] = {}
        self._again = going_on(study)

    def problems(self) -> Iterator[str]:
        """A sentence for each file that is not as its provenance says, in the workflow's order."""
        files = self.folder / paths.PROVENANCE
        if not files.is_dir():
            yield (
                f"{self._name(files)}: missing, so nothing can be verified; to make it, go on with "
                f"{self._again}."
            )
            return
        # No bar for a quick check or in a log.
        for step in tqdm(self.steps, desc="verified", unit="job", delay=2, disable=None):
            yield from self._of_step(step)

    def fingerprint(self) -> str:
        """One checksum of all results: two folders share it if they are equal byte for byte."""
        results = (f"{self._checksum(file)} {self._name(file)}\n" for file in self.results())
        return hashlib.sha256("".join(results).encode()).hexdigest()

    def results(self) -> list[Path]:
        """Files that the steps make and that stay, in the order of the workflow."""
        return [file for step in self.steps for file in step.staying]

    def files(self) -> list[Path]:
        """The study's files: its configuration, results that stay, and their provenance."""
        files = [step.provenance for step in self.steps]
        return [paths.study_file(self.study), *self.results(), *files]

    def strangers(self) -> list[Path]:
        """Files in the folder that no step makes, apart from logs and the like."""
        known = {*self.files(), *(file for step in self.steps for file in step.passing)}
        return [
            file
            for file in sorted(self.folder.rglob("*"))
            if file.is_file()
            and file not in known
            and file.relative_to(self.folder).parts[0] not in NOT_VERIFIED
        ]

    def _of_step(self, step: Step) -> Iterator[str]:
        for file in step.outputs:
            if not file.is_file() and file not in step.passing:
                yield f"{self._name(file)}: missing; to make it, go on with {self._again}."
        there = step.provenance.is_file()
        found = read_provenance(step.provenance) if there else None
        if found is None:
            yield (
                f"{self._name(step.provenance)}: {'was damaged' if there else 'missing'}, so the "
                f"results cannot be verified; to make them, go on with {self._again}."
            )
            return
        self.sizes[step.provenance] = step.provenance.stat().st_size
        yield from self._outputs(step, found)
        yield from self._settings_and_code(step, found)
        yield from self._inputs(step, found)

    def _outputs(self, step: Step, found: Provenance) -> Iterator[str]:
        written = {self.folder / name: output for name, output in found.outputs.items()}
        if set(written) != set(step.outputs):
            yield f"{self._name(step.provenance)}: lists other files; must be the study's."
        for file in filter(written.get, step.outputs):
            expected = written[file]
            if not file.is_file():
                # Steps that read it are compared with the checksum that is written here.
                self._checksums.setdefault(file, expected.sha256)
                continue
            size, digest = file.stat().st_size, self._checksum(file)
            if size < expected.bytes:
                yield f"{self._name(file)}: was truncated ({size:,} of {expected.bytes:,} bytes)."
            elif digest != expected.sha256:
                yield (
                    f"{self._name(file)}: was altered (its SHA-256 is {digest[:DIGITS]}…; its "
                    f"provenance says {expected.sha256[:DIGITS]}…)."
                )

    def _settings_and_code(self, step: Step, found: Provenance) -> Iterator[str]:
        made = self._name(step.outputs[0])
        others = [
            f"{name} ({then}; now {now})"
            for name in step.settings | found.settings
            if (then := found.settings.get(name, "none"))
            != (now := step.settings.get(name, "none"))
        ]
        if others:
            yield f"{made}: was made with other settings than study.json's: {', '.join(others)}."
        if found.code != step.code:
            yield (
                f"{made}: was made by other code ({found.code}, commit "
                f"{found.environment.get('commit', 'unknown')}) than the installed tlstudy's "
                f"({step.code})."
            )
        # A library of which there is no word is not used, or by other code.
        others = [
            name
            for name, version in step.libraries.items()
            if found.libraries.get(name, version) != version
        ]
        if others:
            before, now = (
                ", ".join(f"{name} {versions[name]}" for name in others)
                for versions in (found.libraries, step.libraries)
            )
            yield (
                f"{made}: was made with another version of a library: {before}; installed here: "
                f"{now}."
            )

    def _inputs(self, step: Step, found: Provenance) -> Iterator[str]:
        made = self._name(step.outputs[0])
        read = {self.folder / name: digest for name, digest in found.inputs.items()}
        read |= {self.study.cache / name: digest for name, digest in found.cache.items()}
        belonging = (*step.inputs, *step.cached)
        self.unseen |= {file for file in step.cached if not file.is_file()}
        for file in belonging:
            if file not in self._checksums and not file.is_file():
                continue
            if file not in read:
                yield f"{made}: was made without {self._name(file)}, which is there."
            elif (digest := self._checksum(file)) != read[file]:
                yield (
                    f"{made}: was made from another {self._name(file)} (SHA-256 "
                    f"{read[file][:DIGITS]}…) than the one that is there ({digest[:DIGITS]}…)."
                )
        for file in sorted(read.keys() - set(belonging)):
            yield f"{made}: was also made from {self._name(file)}, which is not the study's."

    def _checksum(self, file: Path) -> str:
        if file not in self._checksums:
            self._checksums[file] = sha256(file)
            self.sizes[file] = file.stat().st_size
        return self._checksums[file]

    def _name(self, file: Path) -> str:
        """Relative to the study's folder; a file of the cache with the cache's folder."""
        inside = file.is_relative_to(self.folder)
        return (file.relative_to(self.folder) if inside else file).as_posix()


@dataclass(frozen=True)
class Verdict:
    """What a verification found.

    Attributes:
        problems: one sentence each; only the first unless all were asked for.
        strangers: files that no step makes; listed if all problems were asked for.
        unseen: files of images and weights that are not in the cache, so they were not looked at.
        fingerprint: one checksum of all results; empty where something does not hold.
    """

    folder: Path
    holds: bool
    problems: list[str]
    strangers: list[Path]
    unseen: list[Path]
    cache: Path
    files: int
    bytes: int
    jobs: int
    fingerprint: str


def verdict(folder: Path, everything: bool = False) -> Verdict:
    """Verify a results folder.

    Args:
        everything: list all problems, not only the first, and files that no step makes.

    Raises:
        UserError: it is not the folder of a study.
    """
    verification = Verification(finished_study(folder))
    problems = list(islice(verification.problems(), None if everything else 1))
    return Verdict(
        folder=folder,
        holds=not problems,
        problems=problems,
        strangers=verification.strangers() if everything else [],
        unseen=sorted(verification.unseen),
        cache=verification.study.cache,
        files=len(verification.sizes),
        bytes=sum(verification.sizes.values()),
        jobs=len(verification.steps),
        fingerprint="" if problems else verification.fingerprint(),
    )


def verdict_text(found: Verdict, everything: bool) -> str:
    """The verdict for a terminal."""
    lines = list(found.problems)
    if everything:
        lines += [f"Note: {file}: not of the study; not looked at." for file in found.strangers]
    elif lines:
        lines = [
            f"{found.folder}: verification failed. {lines[0]}\n"
            "This is the first problem; --all lists all of them."
        ]
    if found.holds:
        lines.append(
            f"{found.folder}: verified. {found.files} files ({found.bytes / 1e6:,.1f} MB) of "
            f"{found.jobs} jobs match their provenance and were made by this code."
        )
        if found.unseen:
            lines.append(
                f"Not looked at: {len(found.unseen)} files of images and weights, which are "
                f"not in {found.cache}; the provenance holds their checksums."
            )
        lines.append(f"Fingerprint: {found.fingerprint}")
    return "\n".join(lines)
