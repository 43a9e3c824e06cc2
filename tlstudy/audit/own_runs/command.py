"""The command `tlstudy audit`: from files and options to a text and whether to fail."""

import json
from collections.abc import Sequence
from pathlib import Path

from tlstudy.audit.own_runs.columns import COLUMNS
from tlstudy.audit.own_runs.printing import UNREADABLE, all_findings, as_data, examine_all, told
from tlstudy.audit.own_runs.reading import Options, read_each
from tlstudy.storage.errors import UserError
from tlstudy.watching.finding import SEVERITIES

FOUND, CANNOT_JUDGE = 1, 3  # exit statuses, beside UNREADABLE


def audit_runs(
    sources: Sequence[Path],
    refused: Sequence[UserError],
    columns: tuple[str, ...],
    classes: int | None,
    test_images: int | None,
    fail_on: str,
    as_json: bool,
) -> tuple[str, int]:
    """What the sentinels made of the runs, and the exit status.

    Args:
        refused: why others cannot be read.

    Raises:
        UserError: no run can be read, or an option makes no sense; its exit status is 2.
    """
    try:
        options = Options(column_names(columns), classes, test_images)
        runs, unreadable = read_each(sources, options)
        refused = [*refused, *unreadable]
        if not runs:
            raise UserError("\n".join(error.message for error in refused))
    except UserError as error:
        error.exit_code = UNREADABLE
        raise
    examined = examine_all(runs)
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    status = 0
    if refused:
        status = UNREADABLE
    elif any(finding.severity in failing for finding in all_findings(examined)):
        status = FOUND
    elif not all(item.judged for item in examined):
        status = CANNOT_JUDGE
    unread = [error.message for error in refused]
    if as_json:
        return json.dumps(as_data(examined, runs, unread), indent=2), status
    return told(examined, runs, unread), status


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
