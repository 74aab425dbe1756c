"""Weights & Biases: its service, or with WANDB_MODE=offline the folder RUN/wandb/ alone, for `wandb sync`."""

import html
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from charloop.checkpoint import write_atomically
from charloop.configfile import to_dict
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.training.events import Started
from charloop.training.loggers.base import not_installed, own_folder

FOLDER, ID = "wandb", "charloop-id"
PROJECT = "charloop"


class WeightsAndBiases:
    """A logger of wandb's runs: project charloop, or $WANDB_PROJECT; what else it heeds are wandb's own variables.

    A run that goes on is the same run there. wandb takes no step twice: of steps that a killed run makes again it
    keeps the first ones, which in a run of steps or epochs are equal to the last bit.
    """

    def __init__(self) -> None:
        try:
            import wandb
        except ImportError:
            raise not_installed("wandb", "wandb") from None
        self._wandb = wandb
        # It would write over the bar, and read what is printed.
        self._settings = wandb.Settings(silent=True, console="off")
        if wandb.setup(self._settings).settings.mode == "online" and not wandb.login(
            prompt=False, verify=False
        ):
            raise CharloopError(
                "--log wandb: nobody is logged in", do="run wandb login, or set WANDB_MODE=offline"
            )

    def begin(self, started: Started) -> str:
        """The wandb run of this folder, anew or once more."""
        folder = started.folder.resolve()
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=folder.name,
            id=id_of(own_folder(folder / FOLDER) / ID),
            resume="allow",
            dir=str(folder),
            config=to_dict(started.config),
            settings=self._settings,
        )
        offline = self._run.settings.mode != "online"
        return f"{folder / FOLDER}, to be sent by wandb sync" if offline else str(self._run.url)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One row, together with all else of the step."""
        self._run.log(dict(values), step=step)

    def text(self, step: int, name: str, text: str) -> None:
        """A page, on which lines and spaces are as they are."""
        plain = text.encode("utf-8", "backslashreplace").decode()
        self._run.log({name: self._wandb.Html(f"<pre>{html.escape(plain)}</pre>")}, step=step)

    def close(self) -> None:
        """Wait until the service has all of it."""
        self._run.finish()


def id_of(path: Path) -> str:
    """The name by which wandb knows the run: what `path` says, or a new one that it will say."""
    known = read_small(path).decode("ascii", "replace") if path.is_file() else ""
    if re.fullmatch(r"[0-9a-f]{16}", known):
        return known
    made = secrets.token_hex(8)
    write_atomically(path, made.encode())
    return made
