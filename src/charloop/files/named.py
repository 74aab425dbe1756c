"""A file that a person names to be made: whole or not there, never in place of another unasked; or a pipe."""

import os
import stat
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import Pour, write_beside


def check_target(flag: str, target: str, *, overwrite: bool, allowed: str = "a file") -> None:
    """Raises CharloopError if `target` is a file that is not to be overwritten, or no place for one."""
    path = Path(target)
    if path.is_dir():
        raise CharloopError(flag, got=target, allowed=allowed, do="that is a folder")
    if is_file(path) and not overwrite:
        raise CharloopError(f"{flag}: {path} is there already", do="choose another name, or add --overwrite")
    if not path.parent.is_dir():
        raise CharloopError(f"{flag}: there is no folder {path.parent}", do="make it first")


def write_new(flag: str, target: str, pour: Pour, *, overwrite: bool) -> None:
    """Write what `pour` writes to `target`. A file that has come there meanwhile is kept unless `overwrite`."""
    path = Path(target)
    try:
        if path.exists() and not is_file(path):
            with path.open("wb") as pipe:
                pour(pipe)
            return
        write_beside(path, pour, None if overwrite else put)
    except BrokenPipeError:
        raise
    except FileExistsError:
        raise CharloopError(f"{flag}: {path} has come into being meanwhile", do="add --overwrite") from None
    except OSError as error:
        raise CharloopError(
            f"cannot write {path} ({error.strerror or error})", do="nothing was left there"
        ) from None


def is_file(path: Path) -> bool:
    """Whether something lies there that could be lost: a pipe or a device cannot."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or is_pipe_behind(path, mode))


def is_pipe_behind(path: Path, mode: int) -> bool:
    """Whether a link leads to a pipe or a device, as /dev/stdout and >(command) do."""
    if not stat.S_ISLNK(mode):
        return False
    try:
        behind = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(behind) or stat.S_ISCHR(behind)


def put(temporary: Path, path: Path) -> None:
    """Give a file a name that is free; FileExistsError if it is not."""
    try:
        os.link(temporary, path)
        os.unlink(temporary)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links; there a moment between the two calls is left.
        if os.path.lexists(path):
            raise FileExistsError from None
        os.replace(temporary, path)
