"""Files that are whole or not there: written beside their place, flushed to the disk, moved into it."""

import contextlib
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from charloop.errors import CharloopError

Pour: TypeAlias = Callable[[BinaryIO], object]
"""Writes the content."""
Put: TypeAlias = Callable[[Path, Path], object]
"""Gives a file, the first, its name, the second; nothing is left of the first."""
LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.charloop")
"""How a file is called until it is whole: so as nobody else would call one."""
# Text files on Windows would get other line ends; a link that somebody left in our place is not followed.
PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it was and raise CharloopError (disk full, no permission)."""
    with saving(path):
        write_beside(path, lambda file: file.write(content))
        flush_folder(path.parent)


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """What goes wrong in the block is said of `path`."""
    try:
        yield
    except OSError as error:
        raise CharloopError(
            f"cannot save {path} ({error.strerror})",
            do="what was saved before is still there; make room or choose another --output",
        ) from None


def write_beside(path: Path, pour: Pour, put: Put | None = None) -> None:
    """Write what `pour` writes beside `path`, flush it to the disk, and give it its name: by `put`, else always."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.charloop")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o666)
    try:
        try:
            file = io.BufferedWriter(Descriptor(descriptor))
            pour(file)
            file.flush()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        (put or os.replace)(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


class Descriptor(io.RawIOBase):
    """An open file to write to, by `os.write`; it is not closed with this."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, content: Any) -> int:
        """As much of `content` as the system takes in one call."""
        return os.write(self._descriptor, content)


def write_all(descriptor: int, content: bytes) -> None:
    """Write `content`, in as many calls as the system wants: one may take less than it is given."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove_leftovers(run: Path) -> None:
    """Remove what a killed process left half-written in `run` and the folders in it; nothing else is touched."""
    for path in [*run.iterdir(), *run.glob("*/*")]:
        if is_leftover(path.name):
            with contextlib.suppress(OSError):
                os.unlink(path)


def is_leftover(name: str) -> bool:
    """Whether `name` is what `write_atomically` calls a file that is not whole yet."""
    return LEFTOVER.fullmatch(name) is not None


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def flush(path: Path, mode: int = os.O_RDWR) -> None:
    """Make what was written to `path` last through a power cut."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
