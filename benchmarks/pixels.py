"""What is learnt without a network from the images of a kept study.

    python -m benchmarks.pixels

draws the images of the arm `new`, seed by seed, and writes docs/slides/pixels.parquet: what the
measurement `baselines` would have found, without training.
"""

from collections.abc import Iterator

import pandas as pd
import torch

from benchmarks.keep import ROOT, folder_of
from tlstudy.config.given import given_study
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs
from tlstudy.data.images import cache_images
from tlstudy.data.stored import load_images
from tlstudy.data.subset import draw_subset, order_of_test_images
from tlstudy.jobs import paths
from tlstudy.measures.baselines import COLUMNS
from tlstudy.measures.pixels import baseline_rows
from tlstudy.networks.images import Images
from tlstudy.networks.inputs import Inputs, resize
from tlstudy.storage.columns import KEYS, schema
from tlstudy.storage.table_files import write_table

PROCESSOR = torch.device("cpu")


def images_of(study: Study, run: Run) -> Images:
    """The run's training images and the study's test images, as its training has them: `new` has
    no transforms and holds none out."""
    folder = paths.images_folder(study.cache, run.settings.target)
    train, labels = load_images(folder, "train")
    test, test_labels = load_images(folder, "test")
    drawn = draw_subset(labels, run.settings.drawing, run.subset_size, run.seed)
    order = order_of_test_images(test_labels)[: study.evaluation.final_images]
    size = run.settings.image_size
    return Images(
        train=resize(train[drawn], size, PROCESSOR),
        train_labels=torch.from_numpy(labels[drawn]),
        test=resize(test[order], size, PROCESSOR),
        test_labels=torch.from_numpy(test_labels[order]),
        inputs=Inputs(run.settings.normalisation, None, PROCESSOR),
        test_indices=order,
    )


def rows(study: Study, arm: str) -> Iterator[dict]:
    """A row for each seed and method."""
    for run in (run for run in runs(study) if run.arm == arm):
        cache_images(study.cache, run.settings.target)
        for row in baseline_rows(images_of(study, run)):
            yield {"arm": arm, "subset_size": run.subset_size, "seed": run.seed} | row


if __name__ == "__main__":
    table = pd.DataFrame(rows(given_study([ROOT / "config.yaml"]), "new"))
    write_table(folder_of("slides") / "pixels.parquet", schema({**KEYS, **COLUMNS}), table)
    print(table.groupby("method")["test_balanced_accuracy"].describe())
