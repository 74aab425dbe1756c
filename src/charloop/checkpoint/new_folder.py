"""A new run's folder: made and locked before training, or written whole as an export. Files of others are kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from charloop.checkpoint.checkpoints import Tensors
from charloop.checkpoint.lock import locked
from charloop.checkpoint.names import CELL, CHECKPOINTS, CONFIG, FORMER_CHECKPOINTS, VOCABULARY
from charloop.checkpoint.run_folder import FIRST_CHECKPOINT, RunFolder, is_abandoned
from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, remove_leftovers, saving
from charloop.files.folder import writing_folder


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[None]:
    """Make `path` an empty folder, and hold its lock while the block runs.

    With `overwrite`, a run in `path` is renamed, never deleted. Raises CharloopError if `path` is in use and
    `overwrite` is not set, or if it cannot be written.
    """
    try:
        clear_path(path, overwrite=overwrite)
    except OSError as error:
        raise CharloopError(
            f"cannot make the folder {path} ({error.strerror})", do="choose another --output"
        ) from None
    with locked(path):
        # Another process may have created a run before this one had the lock.
        refuse_used_path(path, overwrite=False)
        with saving(path):
            first = (path / folder / FIRST_CHECKPOINT for folder in (CHECKPOINTS, FORMER_CHECKPOINTS))
            for part in (path / VOCABULARY, path / CELL, *first):
                part.unlink(missing_ok=True)
            remove_leftovers(path)
            if (path / FORMER_CHECKPOINTS).is_dir():
                (path / FORMER_CHECKPOINTS).rmdir()
        yield


def name_folder(text: str, cell: str) -> Path:
    """Return runs/TEXT-CELL, with a number appended if that exists."""
    base = Path("runs") / f"{text}-{cell.rpartition(':')[2].lower()}"
    names = [base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 10**4))]
    return next(path for path in names if not path.exists())


def clear_path(path: Path, *, overwrite: bool) -> None:
    """Make `path` a folder that holds no run."""
    if path.is_dir():
        refuse_used_path(path, overwrite=overwrite)
        if (path / CONFIG).exists():
            with locked(path):
                set_aside(path.resolve())
    path.mkdir(parents=True, exist_ok=True)
    flush_folder(path.parent)


def refuse_used_path(path: Path, *, overwrite: bool) -> None:
    """Raise CharloopError unless `path` is empty, abandoned, or a run that may be renamed."""
    if (path / CONFIG).exists():
        if overwrite:
            return
        raise CharloopError(
            f"{path} already holds a run",
            do=f"continue it with --resume {path}, choose another --output, or pass --overwrite to rename it",
        )
    if not path.is_dir() or (any(path.iterdir()) and not is_abandoned(path)):
        raise CharloopError(f"{path} is not empty, and not a run", do="choose another --output")


def set_aside(path: Path) -> None:
    """Rename the run at the resolved `path` to path~1, path~2, ...; CharloopError if the process works in it."""
    if Path.cwd().is_relative_to(path):
        raise CharloopError(f"{path} cannot be set aside from within", do="change to another folder first")
    names = (path.with_name(f"{path.name}~{n}") for n in range(1, 10**6))
    path.rename(next(name for name in names if not name.exists()))


def export_run(run: RunFolder, path: Path, params: Tensors, facts: Mapping[str, Any]) -> None:
    """Write these weights to `path` as a run without checkpoints: it can be loaded, but not resumed.

    Raises CharloopError if `path` is in use or cannot be written; then nothing is left behind.
    """
    with writing_folder(path) as beside:
        made = replace(run, path=beside)
        made.begin()
        made.save_weights(params, facts)
        made.write_config()
