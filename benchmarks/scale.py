"""What many runs cost: the tables, the workflow's plan, the report. All on made results."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import browser, made, start_up
from benchmarks.commands import SNAKEFILE, Spent, python, run, snakemake, tlstudy
from benchmarks.figures import figure
from benchmarks.plain_tables import plain_tables, values_that_differ
from benchmarks.work import Work
from tlstudy.config.settings import Study
from tlstudy.config.targets import MNIST
from tlstudy.jobs import paths

EPOCHS_A_SECOND = 100_000
# The step without its sentinels: what is left is reading and writing.
WITHOUT_SENTINELS = """
import sys
from collections import defaultdict
from pathlib import Path
from tlstudy.steps import aggregate
from tlstudy.config.study import build_study
from tlstudy.config.yaml_files import read_content
class Blind:
    def __init__(self, study): pass
    def look_at(self, results): pass
    def findings(self): return defaultdict(list)
aggregate.Examiner = Blind
aggregate.aggregate_study(build_study(read_content(Path(sys.argv[1])).settings))
"""
READING_ALONE = """
import sys
from pathlib import Path
from tlstudy.jobs.run_results import results_of_runs
from tlstudy.config.study import build_study
from tlstudy.config.yaml_files import read_content
for results in results_of_runs(build_study(read_content(Path(sys.argv[1])).settings)): pass
"""


@dataclass(frozen=True)
class Sizes:
    """Numbers of runs.

    Attributes:
        tables: that are put into tables, beside a quarter of them.
        planned, again, reported: in a dry run, in a second call, in a report.
        arms: of the report that has many.
    """

    tables: int = 1000
    planned: int = 2000
    again: int = 200
    reported: int = 500
    arms: int = 50


TINY = Sizes(tables=8, planned=8, again=4, reported=8, arms=4)


def scale(work: Work, turns: int, _: dict[str, float]) -> Iterator[dict]:
    """Figures of studies of many runs, and of the start of a job."""
    sizes = TINY if work.runs == TINY.tables else Sizes(tables=work.runs)
    with TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        for part in (tables, planned, second_call, report):
            place = folder / part.__name__
            place.mkdir()
            yield from part(place, work.cache, sizes, turns)
            shutil.rmtree(place)
        yield start_up.training(folder, turns)
        yield start_up.help_text(folder, turns)


def tables(folder: Path, cache: Path, sizes: Sizes, turns: int) -> Iterator[dict]:
    """Aggregation of all runs and of a quarter of them, and of the latter the plain way."""
    quarter, whole = max(2, sizes.tables // 4), sizes.tables
    ways = {
        "as it is": tlstudy("aggregate"),
        "without sentinels": python(WITHOUT_SENTINELS),
        "reading alone": python(READING_ALONE),
    }
    for count in (quarter, whole):
        study, settings = _made(folder / str(count), cache, count)
        epochs = count * made.EPOCHS
        for way, command in ways.items():
            spent = [run([*command, str(settings)], folder) for _ in range(turns)]
            name = f"tables of {count} runs, {way}"
            yield figure(name, [each.seconds for each in spent], "seconds")
            yield figure(name, [each.cpu_seconds for each in spent], "CPU seconds")
            rates = [epochs / each.seconds for each in spent]
            yield figure(name, rates, "run-epochs a second", EPOCHS_A_SECOND, most=False)
            yield figure(name, [each.peak_mib for each in spent], "MiB at most")
        if count == quarter:
            yield from _plain(folder, study, settings, epochs, turns)


def _plain(folder: Path, study: Study, settings: Path, epochs: int, turns: int) -> Iterator[dict]:
    """The plain way with the same tables, which is held against ours."""
    command = [*python("from benchmarks.plain_tables import main; main()"), str(settings)]
    spent = [run(command, folder) for _ in range(turns)]
    name = f"tables of {epochs // made.EPOCHS} runs, plain pandas loop, no sentinels"
    yield figure(name, [epochs / each.seconds for each in spent], "run-epochs a second")
    yield figure(name, [each.peak_mib for each in spent], "MiB at most")
    different = values_that_differ(plain_tables(study), paths.tables_folder(study))
    yield figure(f"{name}: values that differ", [different], "values", 0)


def planned(folder: Path, cache: Path, sizes: Sizes, turns: int) -> Iterator[dict]:
    """A dry run of a study that nothing is there of."""
    settings = _configure(folder, made.configuration(folder, cache, sizes.planned))
    command = snakemake(settings, "--dry-run")
    spent = [run(command, folder, says=rf"train +{sizes.planned}\n") for _ in range(turns)]
    yield from _times(f"snakemake --dry-run of {sizes.planned} runs", spent, 20.0)


def second_call(folder: Path, cache: Path, sizes: Sizes, turns: int) -> Iterator[dict]:
    """The same call again when everything is there: made results, taken for made by Snakemake."""
    own = folder / "cache"
    shutil.copytree(
        paths.images_folder(cache, MNIST), paths.images_folder(own, MNIST)
    )  # they are touched
    study, settings = _made(folder, own, sizes.again)
    made.complete_for_snakemake(study)
    run(snakemake(settings, "--touch", "--forceall"), folder)
    spent = [run(snakemake(settings), folder, says="Nothing to be done") for _ in range(turns)]
    yield from _times(f"second call of snakemake on {sizes.again} runs", spent, 10.0)


def report(folder: Path, cache: Path, sizes: Sizes, turns: int) -> Iterator[dict]:
    """Weight of the report, of many seeds and of many arms, and how long a browser opens it."""
    for arms in (made.default_arms(), made.sweep_of_arms(sizes.arms)):
        place = folder / str(len(arms))
        study, settings = _made(place, cache, sizes.reported, arms)
        name = f"of {sizes.reported} runs in {len(study.arms)} arms"
        for step in ("aggregate", "claims", "figures", "report"):
            spent = run([*tlstudy(step), str(settings)], place)
            yield figure(f"{step} {name}", [spent.cpu_seconds], "CPU seconds")
        page = paths.report_file(study)
        yield figure(f"report {name}, weight", [page.stat().st_size / 1e6], "MB", 15.0)
        if browser.CHROMIUM:
            opened = [browser.seconds_to_open(page, place) for _ in range(turns)]
            yield figure(f"report {name}, until it is open", opened, "seconds", 2.0)
        shutil.rmtree(place)


def _times(name: str, spent: list[Spent], target: float) -> Iterator[dict]:
    yield figure(name, [each.seconds for each in spent], "seconds", target)
    yield figure(name, [each.cpu_seconds for each in spent], "CPU seconds")


def _made(folder: Path, cache: Path, count: int, arms: dict | None = None) -> tuple[Study, Path]:
    folder.mkdir(exist_ok=True)
    study = made.make_results(folder, cache, count, arms)
    return study, _configure(folder, made.configuration(folder, cache, count, arms))


def _configure(folder: Path, configuration: dict) -> Path:
    """The configuration as a file; the default study's arms, which Snakemake adds, are left out."""
    left_out = {name: None for name in made.default_arms() if name not in configuration["arms"]}
    file = folder / "made.json"
    configuration = configuration | {"arms": configuration["arms"] | left_out}
    file.write_text(json.dumps(configuration), encoding="utf-8")
    shutil.copy(SNAKEFILE.with_name("config.yaml"), folder)
    return file
