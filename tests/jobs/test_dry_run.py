"""The order in which a dry run tells jobs."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from tlstudy.jobs.dry_run import REMOVAL, UNORDERED, list_by_priority


class Told(logging.Handler):
    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def log(told):
    """A logger such as Snakemake's, which tells jobs by priority."""
    logger = logging.Logger("snakemake")
    logger.addHandler(told)
    for _ in range(2):  # a workflow may have the module twice
        list_by_priority(logger)
    return logger


def tell_job(log, name, priority):
    log.info(name, extra={"event": LogEvent.JOB_INFO, "priority": priority})
    log.info(f"command of {name}", extra={"event": LogEvent.SHELLCMD})


def test_jobs_are_told_by_priority_each_with_its_command(log, told):
    log.info("Job stats")
    for name, priority in (("b", 2), ("c", 1), ("a", 3), ("now", "highest")):
        tell_job(log, name, priority)
    log.info(f"{REMOVAL} plane.safetensors")
    tell_job(log, "of b", 2)
    tell_job(log, "report", 0)
    log.info(f"This was a dry-run (flag -n).{UNORDERED}")
    of_jobs = [line for line in told.messages if not line.startswith("command")]
    end = "This was a dry-run (flag -n)."
    assert of_jobs == ["Job stats", "now", "a", "b", "of b", "c", "report", end]
    assert told.messages[1:5] == ["now", "command of now", "a", "command of a"]


def test_what_was_held_back_is_told_at_the_end(log, told):
    tell_job(log, "a", 1)
    assert told.messages == []
    log.handlers[0].flush()
    assert told.messages == ["a", "command of a"]
