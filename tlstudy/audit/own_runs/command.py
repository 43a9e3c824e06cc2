"""The command `tlstudy audit`: from files and options to a text and whether to fail."""

import json
from pathlib import Path

from tlstudy.audit.own_runs.printing import all_findings, as_data, examine_all, told
from tlstudy.audit.own_runs.reading import COLUMNS, read_runs
from tlstudy.audit.sentinels.sentinel import SEVERITIES
from tlstudy.storage.errors import UserError

UNREADABLE = 2  # exit status; 1 says that something was found


def audit_runs(
    sources: tuple[Path, ...], columns: tuple[str, ...], classes: int, fail_on: str, as_json: bool
) -> tuple[str, bool]:
    """What the sentinels made of the runs, and whether they found what is to fail.

    Raises:
        UserError: a run cannot be read; its exit status is 2.
    """
    try:
        renamed = column_names(columns)
        runs = [read_runs(source, renamed, classes) for source in sources]
    except UserError as error:
        error.exit_code = UNREADABLE
        raise
    examined = examine_all(runs)
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    found = any(finding.severity in failing for finding in all_findings(examined))
    if as_json:
        return json.dumps(as_data(examined, runs), indent=2), found
    return told(examined, runs), found


def column_names(options: tuple[str, ...]) -> dict[str, str]:
    """From NAME=THEIRS to what each column is called in the tables.

    Raises:
        UserError: there is no such column here, or it is named twice.
    """
    renamed: dict[str, str] = {}
    for option in options:
        name, equals, theirs = option.partition("=")
        if not equals or not theirs:
            raise UserError(f"--column: found '{option}'; must be NAME=THEIRS.")
        if name not in COLUMNS:
            raise UserError(f"--column: found '{name}'; must be one of {', '.join(COLUMNS)}.")
        if name in renamed or theirs in renamed.values():
            raise UserError(f"--column: found '{option}'; each column may be named once.")
        renamed[name] = theirs
    return renamed
