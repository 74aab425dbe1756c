"""Prompts and contexts, given as text or as the file that holds it."""

import errno
import os
import sys
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.small import read_small

MAX_PROMPT_BYTES = 64 << 20
"""Largest prompt or context that is read from a file, in bytes."""
STDIN = "-"


def read_context(given: str | None, *, taken: str | None = None) -> str | None:
    """Return the context that --context gives: the content of a file, standard input for -, or the text itself.

    `taken`: what another flag reads. Raises CharloopError if both are standard input.
    """
    if given is None:
        return None
    if given == STDIN and taken == STDIN:
        raise CharloopError(
            "--context - reads standard input, which is read already", do="give one of them as a file"
        )
    # os.path also accepts a name that no file can have.
    return read_prompt_file("context", given) if given == STDIN or os.path.exists(given) else given


def read_prompt_file(what: str, path: str) -> str:
    """Return the text in the file `path`, or in standard input for -; line ends become LF."""
    name = "standard input" if path == STDIN else path
    try:
        content = (
            read_stdin()
            if path == STDIN
            else read_small(Path(path), max_bytes=MAX_PROMPT_BYTES, only_file=False)
        )
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise CharloopError(f"the {what} in {name} is not UTF-8, at byte {error.start}") from None
    except OSError as error:
        raise CharloopError(f"cannot read the {what} {name} ({error.strerror})") from None


def read_stdin() -> bytes:
    """Return standard input up to its end. Raises OSError if it is too long."""
    content = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(content) > MAX_PROMPT_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_PROMPT_BYTES >> 20} MB")
    return content
