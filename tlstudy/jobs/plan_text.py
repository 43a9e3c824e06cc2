"""What `tlstudy plan` prints: jobs, time, disk and memory, as text and for programs."""

from tlstudy.config.settings import Study
from tlstudy.config.study import distinct, runs
from tlstudy.jobs import paths
from tlstudy.jobs.cost import checkpoint_vectors, memory_mb, millions_of_weights
from tlstudy.jobs.machine import load_now, without_bfloat16
from tlstudy.jobs.plan import Plan, other_jobs, other_seconds, to_fetch
from tlstudy.storage.durations import duration

KEPT_MB = 0.5  # of a run's folder at the end
PLANE_VECTORS = 6  # vectors of weights in the file that training leaves for the later steps
CHECKPOINT_VECTORS = 6  # in two checkpoints, old and new, beside one for each epoch


def disk_mb(study: Study) -> tuple[float, float, float]:
    """What the runs keep at the end; what each adds while it is trained; and while later steps
    wait for it, MB."""
    weights = max(millions_of_weights(arm) for arm in study.arms.values())
    vectors = CHECKPOINT_VECTORS + max(checkpoint_vectors(arm) for arm in study.arms.values())
    return KEPT_MB * len(distinct(runs(study))), 4 * weights * vectors, 4 * weights * PLANE_VECTORS


def plan_data(found: Plan) -> dict[str, object]:
    """The plan for programs. Units are in the names; hours are of one core, or of a GPU."""
    state, machine = found.progress, found.machine
    study, unit = state.study, machine.unit.lower()
    kept, training, waiting = disk_mb(study) if study.arms else (0.0, 0.0, 0.0)
    memory = max((memory_mb(run, "train") for run in runs(study)), default=0)
    hours = {"hours": f"{unit}_hours", "left": f"{unit}_hours_left"}
    return {
        "study": study.study,
        "machine": machine.device,
        f"{unit}s": machine.real,
        "steps": found.table.rename(columns=hours).to_dict("records"),
        "seconds_left": found.seconds,
        "seconds_left_of_other_jobs": other_seconds(other_jobs(state), machine),
        "to_fetch": to_fetch(state),
        "disk_mb_at_the_end": kept,
        "disk_mb_more_for_each_training": training,
        "disk_mb_more_for_each_run_that_a_step_waits_for": waiting,
        "memory_mb_of_a_training": memory,
        "note": without_bfloat16(study, machine),
    }


def plan_text(found: Plan) -> str:
    """The plan for a terminal."""
    state, table, wall, machine = found.progress, found.table, found.seconds, found.machine
    study = state.study
    shown = table.copy()
    shown.loc[len(shown)] = {"step": "all", **table[["jobs", "done", "hours", "left"]].sum()}
    shown = shown.astype({"jobs": int, "done": int})
    shown = shown.rename(columns={"hours": f"{machine.unit} hours", "known": "known from"})
    lines = [shown.to_string(index=False, na_rep="", float_format="{:.2f}".format)]
    if fetched := to_fetch(state):
        lines.append(
            f"to fetch first: {', '.join(fetched)}. They are not in {study.cache} yet; how "
            "long that takes, and whether they can be had from here, is not known beforehand"
        )
    others = other_jobs(state)
    if others:
        named = ", ".join(f"{number} {step}" for step, number in others.items())
        lines.append(f"other jobs left: {named}; about {duration(other_seconds(others, machine))}")
    if wall:
        load = load_now()
        lines.append(
            f"time: about {duration(wall)} for all that is left, on {machine.told()} of an idle "
            f"machine{'; ' if load else ''}{load}"
        )
    if wall and (slow := without_bfloat16(study, machine)):
        lines.append(f"precision: {slow}")
    if study.arms:  # networks are trained
        kept, training, waiting = disk_mb(study)
        memory = max(memory_mb(run, "train") for run in runs(study))
        lines += [
            f"disk: {kept:,.0f} MB at the end. For a time also up to {waiting:,.0f} MB for each "
            "trained run until it is measured, and in the scratch folder up to "
            f"{training:,.0f} MB for each training that is not at its end",
            f"memory: about {memory / 1000:.1f} GB a training",
        ]
    folder = paths.study_folder(study)
    if not folder.is_dir():
        lines.append(f"results: none yet; they go to {folder.absolute()}")
    lines.append(
        "done counts jobs whose result is there, made with these settings and by this code, or can "
        "be copied from an equal run of another study. `snakemake -n` lists what will run"
    )
    return "\n".join(lines)
