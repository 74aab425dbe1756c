"""Standard output that never stops a command: no character is too strange for it, no reader leaves too early."""

import io
import os
import re
import sys

# Not \t and \n: they are text. A network of bytes writes all of the others, and a terminal would obey them.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """`text` with each control character as a mark that can be seen, and does nothing to a terminal."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def prepare() -> None:
    r"""Write what the terminal's encoding lacks as \N{...} or \x.. instead of dying of it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def mute() -> None:
    """Whoever read our output has gone (`| head`): nothing is wrong, and nobody is left to tell."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
