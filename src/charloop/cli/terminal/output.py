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
    r"""Write UTF-8 to files and pipes, whatever the locale, unless PYTHONIOENCODING names another encoding.

    What the encoding lacks becomes \x.. or \u.... instead of ending the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            follows_locale = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if follows_locale else "utf-8", errors="backslashreplace")


def mute() -> None:
    """Discard further output, because its reader has exited (`| head`), which is not an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
