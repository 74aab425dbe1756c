"""Files that are whole or not there: written beside their place, flushed to the disk, moved into it."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from charloop.errors import CharloopError

LEFTOVER = re.compile(r"\..+\.[0-9a-f]{16}\.charloop")
"""How a file is called until it is whole: so as nobody else would call one."""
# Text files on Windows would get other line ends; a link that somebody left in our place is not followed.
PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it was and raise CharloopError (disk full, no permission)."""
    with saving(path):
        _write_beside(path, content)
        flush_folder(path.parent)


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """What goes wrong in the block is said of `path`."""
    try:
        yield
    except OSError as error:
        raise CharloopError(
            f"cannot save {path} ({error.strerror})",
            do="what was saved before is still there; make room or choose another --out",
        ) from None


def _write_beside(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.charloop")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o666)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


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
