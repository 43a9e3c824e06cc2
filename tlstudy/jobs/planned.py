"""Jobs of a workflow run the code that planned them, or refuse.

Snakemake plans with the package that it imports; a job is whatever `tlstudy` is on the path. In a
folder that was copied with its environment these are two packages.
"""

import json
import os
import shlex
import sys

from tlstudy.config.measurements import measurements
from tlstudy.jobs.graph import FUNCTIONS, code_of
from tlstudy.storage.errors import UserError
from tlstudy.storage.provenance import PACKAGE

VARIABLE = "TLSTUDY_PLANNED"  # of the environment of a workflow's jobs


def announce_code() -> None:
    """Tell the jobs that this process will start which code they were planned with."""
    codes = {step: code_of(step) for step in (*FUNCTIONS, *measurements())}
    told = {"package": str(PACKAGE), "python": sys.executable, "codes": codes}
    os.environ[VARIABLE] = json.dumps(told)


def in_workflow() -> bool:
    """Whether a workflow started this process."""
    return VARIABLE in os.environ


def check_code(step: str) -> None:
    """
    Raises:
        UserError: a workflow started this process, and its code of the step is another one.
    """
    if not in_workflow():
        return
    planned = json.loads(os.environ[VARIABLE])
    expected = planned["codes"].get(step)
    if expected is not None and expected != code_of(step):
        install = shlex.join(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--editable",
                os.path.dirname(planned["package"]),
            ]
        )
        raise UserError(
            f"{step}: was planned with the code in {planned['package']} ({planned['python']}), and "
            f"`tlstudy` is that in {PACKAGE} ({sys.executable}), which differs. Activate the "
            f"environment that Snakemake runs in, or run `{install}`."
        )
