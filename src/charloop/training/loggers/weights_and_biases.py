"""Weights & Biases: its service, or with WANDB_MODE=offline only the folder RUN/wandb/, for `wandb sync`."""

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
from charloop.training.loggers.base import make_own_folder, not_installed

FOLDER, ID = "wandb", "charloop-id"
PROJECT = "charloop"


class WeightsAndBiases:
    """A logger of wandb runs, in the project charloop or $WANDB_PROJECT; wandb's other variables apply as well.

    A resumed run is the same run in wandb. wandb accepts no step twice: of steps that a killed run repeats it keeps
    the first reports, which with --steps or --epochs are bit-identical.
    """

    def __init__(self) -> None:
        try:
            import wandb
        except ImportError:
            raise not_installed("wandb", "wandb") from None
        self._wandb = wandb
        # By default wandb writes over the progress bar and captures what is printed.
        self._settings = wandb.Settings(silent=True, console="off")
        if wandb.setup(self._settings).settings.mode == "online" and not wandb.login(
            prompt=False, verify=False
        ):
            raise CharloopError(
                "--log wandb: nobody is logged in", do="run wandb login, or set WANDB_MODE=offline"
            )

    def begin(self, started: Started) -> str:
        """Create the wandb run of this folder, or resume it."""
        folder = started.folder.resolve()
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=folder.name,
            id=read_or_create_id(make_own_folder(folder / FOLDER) / ID),
            resume="allow",
            dir=str(folder),
            config=to_dict(started.config),
            settings=self._settings,
        )
        offline = self._run.settings.mode != "online"
        return f"{folder / FOLDER}, send it with wandb sync" if offline else str(self._run.url)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers with everything else of the step."""
        self._run.log(dict(values), step=step)

    def text(self, step: int, name: str, text: str) -> None:
        """Log a page that preserves lines and spaces."""
        plain = text.encode("utf-8", "backslashreplace").decode()
        self._run.log({name: self._wandb.Html(f"<pre>{html.escape(plain)}</pre>")}, step=step)

    def close(self) -> None:
        """Wait until the service has received everything."""
        self._run.finish()


def read_or_create_id(path: Path) -> str:
    """Return the name of the run in wandb: the content of `path`, or a new one, which is written to it."""
    known = read_small(path).decode("ascii", "replace") if path.is_file() else ""
    if re.fullmatch(r"[0-9a-f]{16}", known):
        return known
    made = secrets.token_hex(8)
    write_atomically(path, made.encode())
    return made
