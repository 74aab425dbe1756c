"""Standard output that never stops a command, whatever the characters and whenever the reader exits."""

import io
import os
import re
import sys

# Not \t and \n: they are text. A network of bytes writes all of the others, and a terminal would obey them.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Return `text` with each control character replaced by a visible symbol that has no effect on a terminal."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def prepare() -> None:
    r"""Write what the terminal's encoding lacks as \N{...} or \x.. instead of dying of it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def mute() -> None:
    """Discard further output, because its reader has exited (`| head`), which is not an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
