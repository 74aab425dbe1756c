"""Small files, read with suspicion: what is named like one may be a pipe, a device without end, or a hole."""

import errno
import os
import stat
from pathlib import Path

MOST = 24 << 20
"""Bytes of a file of settings or symbols: the vocabulary of every character that there is has four fifths of it."""


def read_small(path: Path, *, most: int = MOST, only_file: bool = True) -> bytes:
    """All of `path`, which may have `most` bytes; with `only_file` no pipe or device, and none is waited for.

    Errors: OSError, whose `strerror` says what is wrong.
    """
    waiting = getattr(os, "O_NONBLOCK", 0) if only_file else 0
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | waiting)) as file:
            if only_file and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            content = file.read(most + 1)
    except ValueError as error:  # a name with NUL, or with half a surrogate pair
        raise OSError(errno.EINVAL, str(error)) from None
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MB")
    return content
