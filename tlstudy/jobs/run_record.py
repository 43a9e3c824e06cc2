"""The record that a training leaves, `run.json`: its content, its writer and its reader."""

from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from tlstudy.jobs.paths import RUN_RECORD
from tlstudy.storage.files import without_nan, write_json_atomically
from tlstudy.storage.reading import check_types, read_json
from tlstudy.storage.records import Counted, Moment, WeightsRecord


class TrajectoryRecord(TypedDict):
    """Principal plane of the path, see `tlstudy.networks.trajectory.PrincipalPlane`."""

    rank: int
    explained_variance: list[float]
    random_walk_null: list[float]
    path: list[list[float]]
    off_plane: list[float]
    no_plane_reason: str


class RunRecord(TypedDict):
    """What a run was trained with and how it ended; a value that is not finite is None.

    Keys:
        run: name of its folder.
        training: settings that differ from their defaults.
        learning_rate: the one that it was trained with.
        tuning: how that was chosen, see `tlstudy.networks.tuning`; None if it was given.
        weights: record of the pretrained weights; None for a random start.
        status: finished or diverged.
        final: loss (nats), accuracy and balanced_accuracy by BatchNorm statistics.
        checkpoint_train_loss: loss of the final weights on the training images, nats.
        early_stopping: `held_out`, numbers of the images of the pool that were held out, and
            `held_out_losses` of all epochs that were run, nats; the rows end with the epoch whose
            weights are kept. None, or not there, without early stopping.
        resumed_after_epochs: epochs after which it was resumed; an old record has none.
        ended: when it ended, by the machine's clock, UTC; an old record has none.
    """

    run: str
    subset_size: Counted
    seed: Counted
    training: dict[str, Any]
    learning_rate: float
    tuning: dict[str, Any] | None
    weights: WeightsRecord | None
    evaluation: dict[str, Any]
    code: NotRequired[str]
    device: str
    threads: Counted
    environment: dict[str, str]
    status: str
    epochs: Counted
    final: dict[str, dict[str, float | None]]
    final_test_images: Counted
    checkpoint_train_loss: float | None
    trajectory: TrajectoryRecord
    early_stopping: NotRequired[dict[str, Any] | None]
    resumed_after_epochs: NotRequired[list[int]]
    ended: NotRequired[Moment]
    seconds: float
    peak_memory_gib: float


def write_run_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a run into its folder."""
    write_json_atomically(folder / RUN_RECORD, without_nan(record))


def read_run_record(folder: Path) -> RunRecord:
    """
    Raises:
        UserError: the record is missing or damaged.
    """
    file = folder / RUN_RECORD
    record = read_json(file, "train")
    check_types(file, "train", RunRecord, record)
    return record
