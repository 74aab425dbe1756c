"""The interface of a program that keeps the curves of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from charloop.errors import CharloopError
from charloop.files.atomic import saving
from charloop.training.events import Started


@runtime_checkable
class Logger(Protocol):
    """Keeps numbers and texts. If a method raises, charloop reports it once and uses the logger no more.

    Steps never decrease within an invocation. A run that was killed continues from an earlier step than it had
    reached: what the logger keeps of later steps is about to be repeated, and the repetition replaces it.
    """

    def begin(self, started: Started) -> str:
        """Open the log of the run `started.folder`, which continues after step `started.resumed_at`.

        Return where to view it, for the screen.
        """

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Keep finite numbers after `step` updates, by names such as `train/loss`."""

    def text(self, step: int, name: str, text: str) -> None:
        """Keep a text after `step` updates, such as a sample."""

    def close(self) -> None:
        """Close the log. This is called once at the end of the invocation, however that ends."""


def not_installed(name: str, library: str) -> CharloopError:
    """Return the error for a logger whose library is not installed."""
    return CharloopError(f"--log {name} needs {library}", do=f"pip install {library}")


def make_own_folder(path: Path) -> Path:
    """Make the folder `path` of a run; CharloopError for a link or a file: a run writes only into itself."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise CharloopError(f"{path} is not a folder of the run's own", do="move it away")
    with saving(path):
        path.mkdir(exist_ok=True)
    return path
