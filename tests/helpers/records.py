"""Records of runs that were never trained."""

from tlstudy.jobs.graph import Step
from tlstudy.jobs.paths import PROVENANCE
from tlstudy.jobs.run_record import RunRecord
from tlstudy.storage.files import write_json_atomically


def leave_made(step: Step) -> None:
    """Leave the provenance of a step as if it had run now, and empty files where it left none."""
    for file in step.staying:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    decided = {"settings": dict(step.settings), "code": step.code, "libraries": step.libraries}
    folder = next(place.parent for place in step.provenance.parents if place.name == PROVENANCE)
    files = {key: {} for key in ("cache", "outputs", "environment")}
    files["inputs"] = {file.relative_to(folder).as_posix(): "" for file in step.inputs}
    write_json_atomically(step.provenance, decided | files)


def run_record(**changes) -> RunRecord:
    """The record of a finished run, some of its keys changed."""
    score = {"loss": 1.0, "accuracy": 0.5, "balanced_accuracy": 0.5}
    record = {
        "run": "made",
        "subset_size": 20,
        "seed": 26,
        "training": {},
        "learning_rate": 0.001,
        "tuning": None,
        "weights": None,
        "evaluation": {"precision": "float32"},
        "device": "cpu",
        "threads": 1,
        "environment": {"torch": "2.6.0", "commit": "0" * 40},
        "status": "finished",
        "epochs": 1,
        "final": {"running": score, "recalibrated": score},
        "final_test_images": 100,
        "checkpoint_train_loss": 1.0,
        "trajectory": {
            "rank": 0,
            "explained_variance": [],
            "random_walk_null": [],
            "path": [],
            "off_plane": [],
            "no_plane_reason": "",
        },
        "seconds": 1.0,
        "peak_memory_gib": 1.0,
    }
    return record | changes
