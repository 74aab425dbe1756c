"""Files that are complete or absent: written under a temporary name, flushed to the disk, then renamed."""

import contextlib
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from charloop.errors import CharloopError

Write: TypeAlias = Callable[[BinaryIO], object]
"""Writes the content to an open file."""
Rename: TypeAlias = Callable[[Path, Path], object]
"""Renames the first path to the second, and leaves nothing at the first."""
LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.charloop")
"""The temporary name of a file that is not complete: one that nobody else would choose."""
OPEN_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""Windows must not translate line ends, and a link that someone left under this name must not be followed."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`. If that fails (disk full, no permission), keep it and raise CharloopError."""
    with saving(path):
        write_beside(path, lambda file: file.write(content))
        flush_folder(path.parent)


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn an OSError in the block into a CharloopError about saving `path`."""
    try:
        yield
    except OSError as error:
        raise CharloopError(
            f"cannot save {path} ({error.strerror})",
            do="what was saved before is still there; make room or choose another --output",
        ) from None


def write_beside(path: Path, write: Write, rename: Rename | None = None) -> None:
    """Write a temporary file beside `path` with `write`, flush it to the disk, and rename it with `rename`.

    By default `rename` replaces an existing file.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.charloop")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS, 0o666)
    try:
        try:
            file = io.BufferedWriter(Descriptor(descriptor))
            write(file)
            file.flush()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        (rename or os.replace)(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


class Descriptor(io.RawIOBase):
    """A file to write to by `os.write`, which stays open when this object is closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: Any) -> int:
        """Write as much of `content` as the system accepts in one call; return the number of bytes."""
        return os.write(self._descriptor, content)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, with as many calls as needed: the system may accept only a part in each."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove_leftovers(run: Path) -> None:
    """Remove the incomplete files that a killed process left in `run` and its subfolders, and nothing else."""
    for path in [*run.iterdir(), *run.glob("*/*")]:
        if is_leftover(path.name):
            with contextlib.suppress(OSError):
                os.unlink(path)


def is_leftover(name: str) -> bool:
    """Return whether `name` is the temporary name of a file that `write_beside` did not complete."""
    return LEFTOVER.fullmatch(name) is not None


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system supports it."""
    if hasattr(os, "O_DIRECTORY"):
        flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def flush(path: Path, mode: int = os.O_RDWR) -> None:
    """Make what was written to `path` survive a power cut."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
