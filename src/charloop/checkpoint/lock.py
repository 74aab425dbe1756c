"""The lock of a run's folder: one process at a time writes to it. The system releases it when the process ends."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import OPEN_FLAGS, write_all

LOCK = ".lock"
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""Errors of a lock that another process holds."""
UNKNOWN = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
"""Errors of file systems without locks: there the run is not locked."""

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        """Lock an open file, or raise OSError at once."""
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def take(descriptor: int) -> None:
        """Lock an open file, or raise OSError at once."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` while the block runs; CharloopError if another process holds it.

    The file is not removed: another process might have opened it, and then two would hold different locks.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o666)
    except OSError as error:
        raise CharloopError(
            f"cannot write {path} ({error.strerror})", do="choose a folder that can be written to"
        ) from None
    try:
        claim(descriptor, folder)
        try:
            yield
        finally:
            name_holder(descriptor, b"")
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def claim(descriptor: int, folder: Path) -> None:
    """Lock the file, and write this process's number for the error message of another."""
    try:
        take(descriptor)
    except OSError as error:
        if error.errno in UNKNOWN:
            return
        raise in_use(descriptor, folder, error) from None
    name_holder(descriptor, f"{os.getpid()}\n".encode())


def name_holder(descriptor: int, name: bytes) -> None:
    """Replace the file's content by `name`, if it can be written."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        write_all(descriptor, name)


def in_use(descriptor: int, folder: Path, error: OSError) -> CharloopError:
    """Return the error for a folder that cannot be locked."""
    if error.errno not in TAKEN:
        return CharloopError(f"cannot lock {folder} ({error.strerror})")
    try:
        holder = os.pread(descriptor, 20, 0).decode("ascii").strip() if hasattr(os, "pread") else ""
    except (OSError, UnicodeDecodeError):
        holder = ""
    process = f"process {holder}" if holder.isdigit() else "another process"
    return CharloopError(
        f"{folder} is in use: {process} trains in it", do="wait until it has finished, or stop it first"
    )
