"""Folders of results as somebody may hand them on who means harm."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from tlstudy.cli import main
from tlstudy.storage.files import sha256


def command(*arguments: object) -> Result:
    """What a command says; it ends in words, and no text is a command to the terminal."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    odd = result.exception if not isinstance(result.exception, SystemExit) else None
    assert odd is None, (arguments, odd)
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output
    return result


def follow(folder: Path) -> None:
    """Let all provenance agree with the results, as somebody may who wants them believed."""
    for record in (folder / "provenance").rglob("*.json"):
        content = json.loads(record.read_text())
        for name, output in content["outputs"].items():
            if (folder / name).is_file():
                output["sha256"] = sha256(folder / name)
        record.write_text(json.dumps(content))
