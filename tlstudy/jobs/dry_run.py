"""What Snakemake says in a dry run, in the order of the study's grid."""

import logging
import math

# Events of Snakemake's records: of a job, and of the job's command right after it.
JOB, COMMAND = "job_info", "shellcmd"
REMOVAL = "Would remove temporary output"
UNORDERED = " The order of jobs does not reflect the order of execution."


class InOrderOfPriority(logging.Handler):
    """Passes records on to another handler: those of jobs by priority.

    Snakemake says in no order what could start at once. Where no job's priority is above that of a
    job it waits for, this is the order in which jobs start, so Snakemake's word that it is not is
    left out. So are lines on temporary files: there is one for each training, and no result is
    among them.
    """

    def __init__(self, target: logging.Handler):
        super().__init__()
        self._target = target
        self._jobs: list[tuple[float, list[logging.LogRecord]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == JOB:
            self._jobs.append((_rank(record), [record]))
        elif event == COMMAND and self._jobs:
            self._jobs[-1][1].append(record)
        elif not record.getMessage().startswith(REMOVAL):
            self.flush()
            if isinstance(record.msg, str):
                record.msg = record.msg.replace(UNORDERED, "")
            self._target.handle(record)

    def flush(self) -> None:
        """Pass on the jobs that were held back."""
        held, self._jobs = self._jobs, []
        for _, records in sorted(held, key=lambda job: job[0]):
            for record in records:
                self._target.handle(record)


def _rank(job: logging.LogRecord) -> float:
    """The smaller, the earlier; `--prioritize` gives a word in place of a number."""
    priority = getattr(job, "priority", 0)
    return -math.inf if priority == "highest" else -priority


def list_by_priority(logger: logging.Logger) -> None:
    """Have what a logger says of jobs said by priority."""
    for handler in list(logger.handlers):
        if not isinstance(handler, InOrderOfPriority):
            logger.removeHandler(handler)
            logger.addHandler(InOrderOfPriority(handler))
