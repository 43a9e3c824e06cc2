"""The command `tlstudy audit`, called in this process."""

import json

from click.testing import CliRunner

from tlstudy.cli import main


def audit(*arguments: object):
    result = CliRunner().invoke(main, ["audit", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def words(result) -> str:
    """The output without its breaks of lines."""
    return " ".join(result.output.split())


def findings(*arguments: object) -> dict[str, set[str]]:
    """Names of the sentinels that found something, by run."""
    data = json.loads(audit(*arguments, "--json").output)
    return {run["run"]: {f["sentinel"] for f in run["findings"]} for run in data["runs"]}
