"""What a run asks of a program that keeps its curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from charloop.errors import CharloopError
from charloop.files.atomic import saving
from charloop.training.events import Started


@runtime_checkable
class Logger(Protocol):
    """Keeps what it is given. Whatever a method raises is said once, and the logger is asked for nothing more.

    Steps never decrease within a sitting. A run that was killed goes on at an earlier step than it had come to:
    what was kept of later ones is about to be given again, and the new takes the place of the old.
    """

    def begin(self, started: Started) -> str:
        """Open the log of the run `started.folder`, which goes on after step `started.resumed_at`.

        Returns where it is to be seen, for the screen.
        """

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Keep numbers, all of them finite, by names such as `train/loss`, as they are after `step` updates."""

    def text(self, step: int, name: str, text: str) -> None:
        """Keep a text as it is after `step` updates, such as what the network wrote."""

    def close(self) -> None:
        """Nothing more comes in this sitting. It is called once, however the sitting ends."""


def not_installed(name: str, library: str) -> CharloopError:
    """The error for a logger whose library is an extra that is not there."""
    return CharloopError(f"--log {name} needs {library}", do=f"pip install {library}")


def own_folder(path: Path) -> Path:
    """`path`, made if it is not there; CharloopError if it is a link, or no folder: a run writes into itself."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise CharloopError(f"{path} is not a folder of the run's own", do="move it away")
    with saving(path):
        path.mkdir(exist_ok=True)
    return path
