"""Stage `encoder`: what the stages of a run's network hold before and after its training."""

import logging

import pandas as pd

from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.jobs import paths, steps
from tlstudy.jobs.records import recorded
from tlstudy.jobs.run_inputs import load_fine_tuned
from tlstudy.measures.encoder import encoder_rows
from tlstudy.networks.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
)
from tlstudy.storage.files import atomic_path

log = logging.getLogger(__name__)


@recorded(steps.encoder)
def encoder_run(
    study: Study, run: Run, gpus: int | None = None, threads: int | None = None
) -> None:
    """Probe, freeze and put back the stages of a run and write `encoder.parquet`.

    A run that diverged has no fine-tuned weights: its table is empty.
    """
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(study.device, gpus)
    log.info("encoder of %s, seed %d, on %s", run.arm, run.seed, device_name(device))
    tuned = load_fine_tuned(study, run, device)
    count = study.encoder.test_images
    tuned.images.test = tuned.images.test[:count]
    tuned.images.test_labels = tuned.images.test_labels[:count]
    rows = []
    if tuned.finished:
        start = tuned.network_with(tuned.vectors["start"])
        end = tuned.network_with(tuned.vectors["end"])
        rows_of_run = encoder_rows(
            start,
            end,
            tuned.training,
            tuned.images,
            run.seed,
            study.encoder.frozen_stages,
            study.evaluation.precision,
        )
        for row in rows_of_run:
            log.info("%s %s: %.3f", row["measure"], row["stage"], row["test_balanced_accuracy"])
            rows.append(row)
    with atomic_path(paths.encoder_file(study, run)) as temporary:
        pd.DataFrame(rows).to_parquet(temporary, index=False)
