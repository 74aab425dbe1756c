"""Small files read whole, guarded against pipes without a writer, endless devices and huge sparse files."""

import errno
import os
import select
import stat
from pathlib import Path

MAX_SMALL_BYTES = 24 << 20
"""Size limit of settings and vocabularies: the vocabulary of every existing character takes four fifths of it."""
PIPE_WAIT_SECONDS = 5.0
"""Time to wait for a writer to a pipe."""


def read_small(path: Path, *, max_bytes: int = MAX_SMALL_BYTES, only_file: bool = True) -> bytes:
    """Return the content of `path`, at most `max_bytes`; with `only_file`, refuse pipes and devices.

    Errors: OSError, whose `strerror` says what is wrong.
    """
    without_waiting = getattr(os, "O_NONBLOCK", 0)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | without_waiting)) as file:
            if only_file and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            begun = start_pipe(file.fileno(), max_bytes) if without_waiting else b""
            content = begun + file.read(max_bytes + 1 - len(begun))
    except ValueError as error:  # a name with NUL, or with half a surrogate pair
        raise OSError(errno.EINVAL, str(error)) from None
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes >> 20} MB")
    return content


def start_pipe(descriptor: int, max_bytes: int) -> bytes:
    """Return what a pipe holds already, and make later reads wait. Raises OSError for a pipe without a writer."""
    begun = b""
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        select.select([descriptor], [], [], PIPE_WAIT_SECONDS)
        try:
            begun = os.read(descriptor, max_bytes)
        except BlockingIOError:
            pass  # a writer has opened the pipe, and is not done
        else:
            if not begun:
                raise OSError(errno.ETIMEDOUT, "a pipe that nobody writes to")
    os.set_blocking(descriptor, True)
    return begun
