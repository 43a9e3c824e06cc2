"""What the workflow's rules ask of a study. Light: it is imported on every call of Snakemake."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tlstudy.config.settings import Study, WeightsSource
from tlstudy.config.study import Run, runs
from tlstudy.jobs import paths
from tlstudy.jobs.progress import progress


def runs_by_wildcards(study: Study) -> dict[tuple[str, str, str], Run]:
    """The run of each (folder name, subset size, seed), as wildcards have them."""
    return {(run.name, str(run.subset_size), str(run.seed)): run for run in runs(study)}


def source_lists(study: Study) -> dict[tuple[str, str], tuple[WeightsSource, ...]]:
    """Ordered sources of pretrained weights by (architecture, folder name)."""
    lists = {}
    for run in runs(study):
        if run.sources:
            architecture = run.settings.architecture
            folder = paths.weights_folder(study.cache, architecture, run.sources)
            lists[architecture, folder.name] = run.sources
    return lists


def source_options(sources: Sequence[WeightsSource]) -> list[str]:
    """Options of `tlstudy weights` that name the sources."""
    texts = (s if isinstance(s, str) else s.model_dump_json() for s in sources)
    return [part for text in texts for part in ("--source", text)]


def source_files(sources: Sequence[WeightsSource]) -> list[Path]:
    """The user's own files among the sources; absolute, as no prefix of a module moves them."""
    return [source.file.absolute() for source in sources if not isinstance(source, str)]


def in_words(libraries: Mapping[str, str]) -> str:
    """Libraries with their versions: another version of one runs a job again."""
    return ", ".join(f"{name} {version}" for name, version in libraries.items())


def report_incomplete(study: Study, settings: Path, call: Sequence[str]) -> str:
    """Report the runs that are there if a job failed; an interruption calls for no report.

    A report that fails changes nothing: a sentence says so.

    Args:
        settings: configuration that the jobs read.
        call: command that goes on with the study.

    Returns:
        What to tell the user; empty where no job failed.
    """
    if not progress(study).unended():
        return ""
    command = ["report", "--incomplete", "--config", str(settings)]
    made = subprocess.run(
        [sys.executable, "-m", "tlstudy.cli", *command, "--call", shlex.join(call)],
        capture_output=True,
        text=True,
    )
    if made.returncode == 0:
        return made.stdout.strip()
    reason = made.stderr.strip().rpartition("\n")[2]
    return f"There is no incomplete report ({reason}); see `{shlex.join(['tlstudy', *command])}`."
