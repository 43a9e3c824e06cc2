"""Event files of TensorBoard, by its own library."""

import logging
from pathlib import Path

from tlstudy.audit.own_runs.raw import File, RawTable, cells, joined, unreadable
from tlstudy.storage.errors import UserError

SIGN = b"brain.Event:"  # the version of the file, in its first record
HEAD = 64
PATTERN = "*tfevents*"
STEP = "Step"


def read(file: File) -> list[RawTable] | None:
    """The curves of one event file."""
    if SIGN not in file.data[:HEAD]:
        return None
    return [read_events(file.path, file.path.parent.name or file.stem)]


def read_events(path: Path, name: str) -> RawTable:
    """All scalars of an event file or of the event files of a folder, a column for each tag.

    Raises:
        UserError: the library is missing, cannot read them or finds no scalars.
    """
    try:
        from tensorboard.backend.event_processing import event_accumulator, tag_types
        from tensorboard.util import tensor_util
    except ImportError:
        raise UserError(
            f"{path}: found events of TensorBoard; must have its library to read them: "
            "pip install tensorboard."
        ) from None
    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # else it tells of each file
    kinds = {tag_types.SCALARS: 0, tag_types.TENSORS: 0}  # 0: all of them, not a sample
    events = event_accumulator.EventAccumulator(str(path), size_guidance=kinds)
    try:
        events.Reload()
        curves = {
            tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()[tag_types.SCALARS]
        }
        for tag in events.Tags()[tag_types.TENSORS]:  # scalars as Keras writes them
            arrays = [
                (event.step, tensor_util.make_ndarray(event.tensor_proto))
                for event in events.Tensors(tag)
            ]
            if all(array.size == 1 and array.dtype.kind in "fiu" for _, array in arrays):
                curves[tag] = [(step, float(array.item())) for step, array in arrays]
    except Exception as error:  # of many kinds, for a damaged file
        raise unreadable(path, error or type(error).__name__) from None
    if not any(curves.values()):
        raise UserError(f"{path}: found events of TensorBoard without scalars.")
    frames = [
        cells([{STEP: step, tag: value} for step, value in curve]) for tag, curve in curves.items()
    ]
    return RawTable(name, joined(frames, [STEP]), series=name)
