"""The parts of a study that compute: each as rows of a table, ours beside the plain loop's."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks import landscapes, runs
from benchmarks.pairs import Way, take_turns
from benchmarks.work import Work

PLAIN, FLOAT32, BFLOAT16 = "plain loop", "float32", "bfloat16"
MIXED = "float32, tested in bfloat16"
IN_BFLOAT16 = {("training step", BFLOAT16), ("test pass", BFLOAT16), ("test pass", MIXED)}


def whole_run(work: Work, turns: int, peaks: dict[str, float]) -> Iterator[dict]:
    """A run of the published protocol, and its training steps and test passes by themselves."""
    ways = take_turns(
        [
            Way(PLAIN, runs.plain_run, (work,)),
            Way(FLOAT32, runs.our_run, (work, "float32")),
            Way(BFLOAT16, runs.our_run, (work, "bfloat16")),
            Way(MIXED, runs.our_run, (work, "float32", "bfloat16")),
        ],
        turns,
    )
    plain, *ours = ways
    operations = work.operations()
    for way in ways:
        row = {"part": "whole run", "way": way.name, **timings(way.seconds, plain.seconds)}
        yield row | {
            "warm_up_seconds": way.warm_up,
            "largest_difference": _difference(way, plain) if way in ours else 0.0,
        }
    for phase in ("training step", "test pass"):
        slow = _phase(plain, phase)
        for way in ways:
            seconds = _phase(way, phase)
            peak = peaks[BFLOAT16 if (phase, way.name) in IN_BFLOAT16 else FLOAT32]
            yield {
                "part": phase,
                "way": way.name,
                **timings(seconds, slow),
                "share_of_peak": operations[phase] / float(np.median(seconds)) / peak,
            }


def landscape_grid(work: Work, turns: int, peaks: dict[str, float]) -> Iterator[dict]:
    """A loss grid, beside the passes that it cannot do without."""
    passes, plain, ours = take_turns(
        [
            Way("its passes alone", landscapes.forward_passes, (work,)),
            Way(PLAIN, landscapes.plain_grid, (work,)),
            Way(FLOAT32, landscapes.our_grid, (work,)),
        ],
        turns,
    )
    for way in (plain, ours, passes):
        points = work.operations()["landscape point"] * work.grid**2
        yield {
            "part": "landscape grid",
            "way": way.name,
            **timings(way.seconds, plain.seconds),
            "share_of_peak": points / way.median / peaks[FLOAT32],
            "times_its_passes": float(np.median(np.array(way.seconds) / np.array(passes.seconds))),
        }
    difference = landscapes.difference_of_grids(ours.numbers["losses"], plain.numbers["losses"])
    yield {"part": "landscape grid", "way": "agreement", "largest_difference": difference}


def trajectory_plane(work: Work, turns: int, _: dict[str, float]) -> Iterator[dict]:
    """The principal plane of a path of the weights."""
    plain, ours = take_turns(
        [
            Way(PLAIN, landscapes.plain_plane, (work,)),
            Way("Gram matrix", landscapes.our_plane, (work,)),
        ],
        turns,
    )
    for way in (plain, ours):
        yield {
            "part": "trajectory plane",
            "way": way.name,
            **timings(way.seconds, plain.seconds),
        }
    difference = landscapes.difference_of_planes(ours.numbers, plain.numbers)
    yield {"part": "trajectory plane", "way": "agreement", "largest_difference": difference}


def timings(seconds: list[float], slow: list[float]) -> dict[str, float]:
    """Median, least and most seconds, and how many times faster than the plain loop's."""
    each = np.array(slow) / np.array(seconds)
    return {
        "seconds": float(np.median(seconds)),
        "least_seconds": min(seconds),
        "most_seconds": max(seconds),
        "turns": len(seconds),
        "times_faster": float(np.median(each)),
        "least_times_faster": float(each.min()),
        "most_times_faster": float(each.max()),
    }


def tiny(work: Work) -> Work:
    """The same parts in seconds, to see that they work: their times mean nothing."""
    return replace(
        work,
        architecture="resnet18",
        side=32,
        train_images=20,
        test_images=40,
        grid=3,
        steps=2,
        path_points=4,
        runs=8,
    )


def _difference(way: Way, plain: Way) -> float:
    return runs.largest_difference(way.numbers["rows"], plain.numbers["rows"])


def _phase(way: Way, phase: str) -> list[float]:
    """Seconds of a phase in all epochs of all turns."""
    return [second for numbers in way.every for second in numbers[phase]]
