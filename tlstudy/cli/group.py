"""The group of all commands."""

import logging
import sys

import click

from tlstudy import __version__
from tlstudy.jobs.one_code import refuse_other_code


class Commands(click.Group):
    """Turns errors that a user can mend into one sentence, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from None

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the workflow


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Re-run, audit and report a transfer-learning study.

    STUDY is a study file, such as studies/quick.yaml, on top of config.yaml; several lie on top of
    each other. Or it is a folder of results, such as results/quick. Without it, it is config.yaml.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    refuse_other_code()
