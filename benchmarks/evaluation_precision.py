"""What evaluating in bfloat16 changes: `python -m benchmarks.evaluation_precision`.

For runs whose weights are still there (Snakemake's --notemp keeps them): the same weights, with
BatchNorm recalibrated on the training images, looked at with the same test images in float32 and
in bfloat16.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pandas as pd
import torch

from tlstudy.cli.options import with_study
from tlstudy.config.settings import Study
from tlstudy.config.study import runs
from tlstudy.jobs.run_inputs import load_fine_tuned
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.device import autocast, choose_device, keep_freed_memory, make_deterministic
from tlstudy.networks.evaluation import predict, score
from tlstudy.networks.fine_tuned import FineTuned
from tlstudy.networks.images import training_inputs
from tlstudy.storage.durations import with_time_left

PRECISIONS = ("float32", "bfloat16")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--arm", "arms", multiple=True, required=True, help="Arm by name; may be repeated.")
@click.option("--threads", type=click.IntRange(1))
@click.option("--csv", "destination", type=click.Path(path_type=Path), required=True)
@with_study
def main(study: Study, arms: tuple[str, ...], threads: int | None, destination: Path) -> None:
    """Evaluate the runs of some arms in both precisions; a row a run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(study.device)
    chosen = [run for run in runs(study) if run.arm in arms]
    rows = [_row(load_fine_tuned(study, run, device)) for run in with_time_left(chosen, "run")]
    table = pd.DataFrame(rows)
    table.to_csv(destination, index=False)
    click.echo(table.groupby("arm").mean(numeric_only=True).drop(columns="seed").T.to_string())


def _row(tuned: FineTuned) -> dict:
    logits = dict(_logits(tuned))
    labels, head = tuned.images.test_labels, tuned.training.head
    scores = {name: score(values, labels, head) for name, values in logits.items()}
    one, other = (values.double().softmax(dim=1) for values in logits.values())
    return {
        "arm": tuned.run.arm,
        "seed": tuned.run.seed,
        "test_images": len(labels),
        **{f"balanced_accuracy_{name}": each.balanced_accuracy for name, each in scores.items()},
        **{f"loss_{name}": each.loss for name, each in scores.items()},
        "predictions_that_differ": float((one.argmax(1) != other.argmax(1)).double().mean()),
        "mean_change_of_probability": float((one - other).abs().mean()),
    }


def _logits(tuned: FineTuned) -> Iterator[tuple[str, torch.Tensor]]:
    network = tuned.network_at("end")
    batches = training_inputs(tuned.training, tuned.images, tuned.device)
    for precision in PRECISIONS:
        with autocast(tuned.device, precision), recalibrated(network, batches):
            yield precision, predict(network, tuned.images.test, tuned.images.inputs)


if __name__ == "__main__":
    main()
