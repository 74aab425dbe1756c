"""Files that are whole or not there: written beside their place, flushed to the disk, moved into it."""

import contextlib
import os
import tempfile
from pathlib import Path

from charloop.errors import CharloopError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it was and raise CharloopError (disk full, no permission)."""
    try:
        _write_beside(path, content)
        flush_folder(path.parent)
    except OSError as error:
        raise CharloopError(
            f"cannot save {path} ({error.strerror})",
            do="what was saved before is still there; make room or choose another --out",
        ) from None


def _write_beside(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def current_umask() -> int:
    """The permissions that new files are not given: mkstemp keeps its own to the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def append_line(path: Path, lines: bytes) -> None:
    """Add whole lines to the end of `path`."""
    try:
        with open(path, "ab") as file:
            file.write(lines)
    except OSError as error:
        raise CharloopError(f"cannot write {path} ({error.strerror})", do="make room on the disk") from None
