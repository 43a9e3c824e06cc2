"""The group of all commands."""

import errno
import logging
import os
import sys
from io import TextIOWrapper

import click

from tlstudy import __version__
from tlstudy.jobs.one_code import refuse_other_code
from tlstudy.storage.errors import UserError
from tlstudy.storage.terminal import printable


class Commands(click.Group):
    """Turns errors that a user can mend into one sentence, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except OSError as error:
            if error.filename is None and error.errno in (None, errno.EPIPE):  # click's
                raise
            if error.filename is None:
                _forget_output()
                raise UserError(f"The system refused something: {error.strerror}.") from None
            raise UserError(f"{error.filename}: {error.strerror}.") from None
        except Exception as error:
            if isinstance(error.__cause__, KeyboardInterrupt):  # pydantic's: Ctrl-C in a setting
                raise error.__cause__ from None
            raise

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the workflow


class Printable(logging.Formatter):
    """Lines of the log, which may hold names from anybody's files."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _forget_output() -> None:
    """Drop what could not be printed: Python would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Printable("%(asctime)s %(message)s", "%H:%M:%S"))
    return handler


def begin_lines_with(title: str) -> None:
    """Tell the lines of the log from those of other jobs in the same terminal."""
    form = f"%(asctime)s {title.replace('%', '%%')}: %(message)s"
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Printable):
            handler.setFormatter(Printable(form, "%H:%M:%S"))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Re-run, audit and report a transfer-learning study.

    STUDY is a study file, such as studies/quick.yaml, or a folder of results, such as
    results/quick. A study file changes keys of config.yaml. If you name several files, each
    changes keys of the files before it. If you name none, the study is config.yaml.
    """
    if isinstance(sys.stdout, TextIOWrapper):  # its encoding may lack characters
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, handlers=[_handler()])
    refuse_other_code()
