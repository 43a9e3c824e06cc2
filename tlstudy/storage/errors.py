"""The one error that a user's mistake or a missing resource ends in."""

import click


class UserError(click.ClickException):
    """A mistake or a missing resource, told in a sentence, without a traceback.

    The message names the key or file, what was found and what is allowed.
    """
