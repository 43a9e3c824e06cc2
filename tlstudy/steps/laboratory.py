"""Step `laboratory`: one experiment on small networks, for one seed."""

import logging
import time
from importlib import import_module

import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.networks.device import make_deterministic
from tlstudy.storage.environment import environment
from tlstudy.storage.files import atomic_path, write_json_atomically

log = logging.getLogger(__name__)


@with_provenance(graph.laboratory)
def run_experiment(study: Study, experiment: str, seed: int) -> None:
    """Run an experiment, write its rows, and record versions, processor and time.

    Columns are those of `tlstudy.storage.laboratory_columns.LABORATORY`.
    """
    make_deterministic(threads=1)
    start = time.perf_counter()
    # Not an import statement: a change of one experiment must not run the others again.
    module = import_module(f"tlstudy.theory.{experiment}_experiment")
    rows = [{"seed": seed, "experiment": experiment, **row} for row in module.rows(seed)]
    seconds = time.perf_counter() - start
    log.info("%s, seed %d: %.1f s", experiment, seed, seconds)
    with atomic_path(paths.laboratory_file(study, experiment, seed)) as temporary:
        pd.DataFrame(rows).to_parquet(temporary, index=False)
    facts = {"experiment": experiment, "seed": seed, "seconds": seconds}
    file = paths.laboratory_facts(study, experiment, seed)
    write_json_atomically(file, {**facts, "environment": environment()})
