"""An output file that a user names: complete or absent, and never over an existing file unless asked; or a pipe."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import Write, write_beside


def check_output(flag: str, target: str, *, overwrite: bool, allowed: str = "a file") -> None:
    """Raise CharloopError if `target` is a folder, is in no folder, or is a file that may not be overwritten."""
    path = Path(target)
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:  # such as a name of too many characters
        raise CharloopError(f"{flag}: cannot write {path} ({error.strerror})", do="choose another") from None
    if is_folder:
        raise CharloopError(flag, got=target, allowed=allowed, do="that is a folder")
    if would_overwrite(path) and not overwrite:
        raise CharloopError(f"{flag}: {path} is there already", do="choose another name, or add --overwrite")
    if not has_folder:
        raise CharloopError(f"{flag}: there is no folder {path.parent}", do="make it first")


def write_output(flag: str, target: str, write: Write, *, overwrite: bool) -> None:
    """Write what `write` writes to `target`. A file created there meanwhile is kept, unless `overwrite`."""
    path = Path(target)
    with reporting(flag, path):
        if path.exists() and not would_overwrite(path):
            with path.open("wb") as pipe:
                write(pipe)
            return
        write_beside(path, write, None if overwrite else rename_to_new)


def write_together(flag: str, contents: Mapping[Path, bytes], *, overwrite: bool) -> None:
    """Write files that belong together, all or none.

    Each is complete under a temporary name before the first gets its own: only a process that is killed between two
    renames leaves some without the others. A file created there meanwhile is kept, unless `overwrite`. Raises
    CharloopError for a pipe or a device.
    """
    rename = os.replace if overwrite else rename_to_new
    waiting, new = [*contents.items()], list[Path]()
    for path in contents:
        if os.path.exists(path) and not would_overwrite(path):
            raise CharloopError(flag, got=str(path), allowed="a file", do="that is a pipe or a device")

    def write_next(temporary: Path | None = None, path: Path | None = None) -> None:
        if waiting:
            place, content = waiting.pop()
            with reporting(flag, place):
                write_beside(place, lambda file: file.write(content), write_next)
        if temporary is not None and path is not None:
            is_new = not os.path.lexists(path)
            rename(temporary, path)
            new.extend([path] if is_new else [])

    try:
        write_next()
    except BaseException:
        for path in new:
            path.unlink()
        raise


@contextmanager
def reporting(flag: str, path: Path) -> Iterator[None]:
    """Turn an OSError in the block into a CharloopError about writing `path`; that of a broken pipe stays."""
    try:
        yield
    except BrokenPipeError:
        raise
    except FileExistsError:
        raise CharloopError(f"{flag}: {path} was created meanwhile", do="add --overwrite") from None
    except OSError as error:
        raise CharloopError(
            f"cannot write {path} ({error.strerror or error})", do="nothing was left there"
        ) from None


def would_overwrite(path: Path) -> bool:
    """Return whether writing to `path` would lose something: not if nothing is there, or a pipe or a device.

    A link counts as what it leads to: /dev/stdout and >(command) are links to pipes.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return os.path.lexists(path)
    return not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode))


def rename_to_new(temporary: Path, path: Path) -> None:
    """Rename a file, but raise FileExistsError if the name is taken."""
    try:
        os.link(temporary, path)
        os.unlink(temporary)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links; there, another process could take the name between these two calls.
        if os.path.lexists(path):
            raise FileExistsError from None
        os.replace(temporary, path)
