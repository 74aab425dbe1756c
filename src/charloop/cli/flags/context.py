"""What a text goes on from, and prompts: given as they are, or where they stand."""

import errno
import os
import sys
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.small import read_small

LONGEST = 64 << 20
"""Bytes of a prompt or context that is read from a file."""
STDIN = "-"


def read_context(given: str | None, *, taken: str | None = None) -> str | None:
    """The context that --context names: what is in a file, in standard input for -, or the text itself.

    `taken` is what else is read; CharloopError where both are standard input.
    """
    if given is None:
        return None
    if given == STDIN and taken == STDIN:
        raise CharloopError(
            "--context - reads standard input, which is read already", do="give one of them as a file"
        )
    # Of os.path, which asks a name that no file can have too.
    return read_place("context", given) if given == STDIN or os.path.exists(given) else given


def read_place(what: str, place: str) -> str:
    """The text in the file `place`, or in standard input for -; line ends become LF."""
    name = "standard input" if place == STDIN else place
    try:
        content = (
            read_stdin() if place == STDIN else read_small(Path(place), max_bytes=LONGEST, only_file=False)
        )
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise CharloopError(f"the {what} in {name} is not UTF-8, at byte {error.start}") from None
    except OSError as error:
        raise CharloopError(f"cannot read the {what} {name} ({error.strerror})") from None


def read_stdin() -> bytes:
    """Standard input to its end, if that comes soon enough."""
    content = sys.stdin.buffer.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise OSError(errno.EFBIG, f"more than {LONGEST >> 20} MB")
    return content
