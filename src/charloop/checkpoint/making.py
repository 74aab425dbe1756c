"""Room for a new run: a folder that is empty, new, or given up; what anybody else has there is not touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charloop.checkpoint.lock import LOCK, locked
from charloop.checkpoint.names import CELL, CONFIG, SAMPLES, SAVES, VOCABULARY
from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, is_leftover, remove_leftovers, saving

FIRST_SAVE = "step-000000000.safetensors"
BEGUN = {LOCK, VOCABULARY, CELL, SAVES, SAMPLES}
"""What a run's folder holds before config.json makes it a run."""


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[None]:
    """Make `path` an empty folder, and hold its lock while the block lasts.

    A run that is there is moved aside if `overwrite`, and never deleted. Raises CharloopError if `path` is in use
    and `overwrite` is not set, or cannot be written.
    """
    try:
        make_room(path, overwrite=overwrite)
    except OSError as error:
        raise CharloopError(
            f"cannot make the folder {path} ({error.strerror})", do="choose another --output"
        ) from None
    with locked(path):
        # Between the look and the lock another process may have been quicker.
        refuse(path, overwrite=False)
        with saving(path):
            for part in (path / VOCABULARY, path / CELL, path / SAVES / FIRST_SAVE):
                part.unlink(missing_ok=True)
            remove_leftovers(path)
        yield


def make_room(path: Path, *, overwrite: bool) -> None:
    """Make `path` a folder in which there is no run."""
    if path.is_dir():
        refuse(path, overwrite=overwrite)
        if (path / CONFIG).exists():
            with locked(path):
                set_aside(path.resolve())
    path.mkdir(parents=True, exist_ok=True)
    flush_folder(path.parent)


def refuse(path: Path, *, overwrite: bool) -> None:
    """Raises unless there is nothing in `path`, or a run that may be set aside, or one that was never begun."""
    if (path / CONFIG).exists():
        if overwrite:
            return
        raise CharloopError(
            f"{path} already holds a run",
            do=f"go on with it by --resume {path}, choose another --output, or pass --overwrite to set it aside",
        )
    if not path.is_dir() or (any(path.iterdir()) and not is_given_up(path)):
        raise CharloopError(f"{path} is not empty, and not a run", do="choose another --output")


def is_given_up(path: Path) -> bool:
    """Whether `path` holds what a process left that was killed while it made a run, and nothing else at all."""
    return (
        (path / LOCK).exists()
        and holds_only(path, BEGUN)
        and holds_only(path / SAMPLES, set())
        and holds_only(path / SAVES, {FIRST_SAVE})
    )


def holds_only(folder: Path, names: set[str]) -> bool:
    """Whether `folder`, if it is there, has no entry but `names`, and half-written ones."""
    here = folder.iterdir() if folder.is_dir() else []
    return all(entry.name in names or is_leftover(entry.name) for entry in here)


def set_aside(path: Path) -> None:
    """Give the run at `path`, resolved, another name; CharloopError if one stands in it: one would go along."""
    if Path.cwd().is_relative_to(path):
        raise CharloopError(f"{path} cannot be set aside from within", do="change to another folder first")
    path.rename(unused(path))


def unused(path: Path) -> Path:
    """A name beside `path` that is free: path~1, path~2, ..."""
    return next(p for n in range(1, 10**6) if not (p := path.with_name(f"{path.name}~{n}")).exists())
