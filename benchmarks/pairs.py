"""Several ways to do the same work, timed in turns, each in a process of its own.

A process of its own, because what one way sets up (threads, what the memory allocator keeps) must
not help or harm another; in turns, because machines change their speed while one measures.
"""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

# Called once in the process; returns the work to be timed, which returns numbers to compare.
Preparation = Callable[..., Callable[[], dict]]
Result = TypeVar("Result")

_work: Callable[[], dict]


@dataclass
class Way:
    """One way to do the work.

    Attributes:
        seconds: of each turn; the first, apart, is the warm-up.
        every: what each turn computed; the last is to be compared with the other ways'.
    """

    name: str
    prepare: Preparation
    arguments: tuple = ()
    warm_up: float = float("nan")
    seconds: list[float] = field(default_factory=list)
    every: list[dict] = field(default_factory=list)

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    @property
    def numbers(self) -> dict:
        return self.every[-1]


def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """What a function returns in a process of its own, which ends then."""
    with _process() as process:
        return process.submit(function, *arguments).result()


def once(prepare: Preparation, arguments: tuple) -> float:
    """Seconds that the work takes in a process of its own, without a warm-up."""
    with _process(_prepare, (prepare, arguments)) as process:
        return process.submit(_timed).result()[0]


def at_once(prepare: Preparation, arguments: tuple, count: int, turns: int) -> list[float]:
    """Seconds until so many processes that work at the same time are done, after a warm-up."""
    seconds = []
    with ExitStack() as stack:
        processes = _prepared(stack, [(prepare, arguments)] * count)
        for _ in range(turns + 1):
            began = time.perf_counter()
            for done in [process.submit(_timed) for process in processes]:
                done.result()
            seconds.append(time.perf_counter() - began)
    return seconds[1:]


def take_turns(ways: list[Way], turns: int) -> list[Way]:
    """Time the ways in turns, after a warm-up of each."""
    with ExitStack() as stack:
        processes = _prepared(stack, [(way.prepare, way.arguments) for way in ways])
        for turn in range(turns + 1):
            for way, process in zip(ways, processes, strict=True):
                seconds, numbers = process.submit(_timed).result()
                if turn == 0:
                    way.warm_up = seconds
                else:
                    way.seconds.append(seconds)
                    way.every.append(numbers)
    return ways


def _prepared(stack: ExitStack, works: list[tuple]) -> list[ProcessPoolExecutor]:
    """A process for each work, started together, as imports take seconds."""
    processes = [stack.enter_context(_process(_prepare, work)) for work in works]
    for started in [process.submit(int) for process in processes]:
        started.result()
    return processes


def _process(*first: object) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), *first)


def _prepare(prepare: Preparation, arguments: tuple) -> None:
    global _work
    _work = prepare(*arguments)


def _timed() -> tuple[float, dict]:
    began = time.perf_counter()
    numbers = _work()
    return time.perf_counter() - began, numbers
