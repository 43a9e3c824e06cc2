"""The error for a user's mistake or a missing resource."""

import click

from tlstudy.storage.terminal import printable


class UserError(click.ClickException):
    """A mistake or a missing resource; the command prints its message without a traceback.

    The message names the key or file, says what was found and what is allowed.
    """

    def format_message(self) -> str:
        """As click prints it."""
        return printable(self.message)
