"""Small files, read with suspicion: what is named like one may be a pipe, a device without end, or a hole."""

import errno
import io
import os
import select
import stat
from pathlib import Path

MOST = 24 << 20
"""Bytes of a file of settings or symbols: the vocabulary of every character that there is has four fifths of it."""
PATIENCE = 5.0
"""Seconds that a pipe is given to find somebody who writes to it."""


def read_small(path: Path, *, most: int = MOST, only_file: bool = True) -> bytes:
    """All of `path`, which may have `most` bytes; with `only_file` no pipe or device.

    Errors: OSError, whose `strerror` says what is wrong.
    """
    at_once = getattr(os, "O_NONBLOCK", 0)
    try:
        with open(path, "rb", 0, opener=lambda name, flags: os.open(name, flags | at_once)) as file:
            if only_file and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            begun = begin(file.fileno(), most) if at_once else b""
            content = begun + read_most(file, most + 1 - len(begun))
    except ValueError as error:  # a name with NUL, or with half a surrogate pair
        raise OSError(errno.EINVAL, str(error)) from None
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MB")
    return content


def begin(descriptor: int, most: int) -> bytes:
    """What a pipe has to say at once; from now on its reader waits. OSError for one that nobody writes to."""
    begun = b""
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        select.select([descriptor], [], [], PATIENCE)
        try:
            begun = os.read(descriptor, most)
        except BlockingIOError:
            """Somebody does, and is still at it."""
        else:
            if not begun:
                raise OSError(errno.ETIMEDOUT, "a pipe that nobody writes to")
    os.set_blocking(descriptor, True)
    return begun


def read_most(file: io.FileIO, most: int) -> bytes:
    """Up to so many bytes: a pipe gives them in pieces."""
    pieces, left = [], most
    while left > 0 and (piece := file.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
