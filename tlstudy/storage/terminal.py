"""Text for a terminal: names in files of other people may hold commands to it."""

import re

# Control characters are commands to a terminal, line ends and tabs apart. Others turn the
# direction of what follows, so that a name looks like another; halves of pairs are no text.
COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f" + "\u202a-\u202e\u2066-\u2069" + "\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The text, with characters that a terminal would obey written as escapes: \\x1b."""
    return COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
