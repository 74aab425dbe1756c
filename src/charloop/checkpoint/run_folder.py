"""The folder of one run: where each part of it lies, how it is made, and how it is read back with suspicion."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from charloop.cells import is_file_cell
from charloop.cells.from_object import is_user_cell
from charloop.checkpoint.json_files import encode_json, read_json
from charloop.checkpoint.making import is_given_up
from charloop.checkpoint.names import CELL, CONFIG, METRICS, SAMPLES, SAVES, SKIPPED, VOCABULARY, WEIGHTS
from charloop.checkpoint.saves import Save, Saves, Tensors, read_tensors, write_tensors
from charloop.checkpoint.tensors import damaged
from charloop.config import RunConfig
from charloop.configfile import from_dict, to_dict
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.files.atomic import remove_leftovers, saving, write_atomically
from charloop.given import Given, is_object

FORMAT = 1


@dataclass(frozen=True)
class RunFolder:
    """A run on the disk. `config` is complete: what was asked for, with all that was decided on the way."""

    path: Path
    config: RunConfig
    vocabulary: Vocabulary
    text: Mapping[str, Any]
    """What it was trained on: description, content hash, sizes of the split."""
    made_with: tuple[Mapping[str, Any], ...] = ()
    """What its bits depend on besides the configuration: for each stretch that was made alike, from which step."""
    given: Given = field(default_factory=Given)
    """Objects that it is made with."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Kinds of objects that it was made with before, and needs again, by their field of `given`."""

    def need(self, name: str) -> Any:
        """An object of `given`, None if the run needs none. Raises CharloopError for one that must be given again."""
        found = getattr(self.given, name)
        if found is None and name in self.asks:
            kind = self.asks[name]
            raise CharloopError(
                f"{self.path} was trained with the {name} of a program ({kind}), which config.json cannot hold",
                do=f"give it again: {name}= of load or resume",
            )
        return found

    def begin(self) -> None:
        """Write all but weights, saves and config.json into the new folder."""
        with saving(self.samples):
            self.samples.mkdir(exist_ok=True)
        write_atomically(self.path / VOCABULARY, encode_json(self.vocabulary.to_json()))
        if is_file_cell(self.config.model.cell):
            source = Path(self.config.model.cell.rpartition(":")[0]).expanduser()
            write_atomically(self.path / CELL, source.read_bytes())

    def write_config(self) -> None:
        """Write config.json: it makes a folder a run, and comes last."""
        made_with = [dict(stretch) for stretch in self.made_with]
        header = {"format": FORMAT, "charloop": version("charloop"), "text": dict(self.text)}
        header |= {"made_with": made_with} if made_with else {}
        given = {**self.asks, **self.given.names()}
        if self.config.data.corpus:
            given.pop("text", None)
        header |= {"given": given} if given else {}
        write_atomically(self.path / CONFIG, encode_json(header | to_dict(self.config)))

    @classmethod
    def open(
        cls, path: Path, *, cell: Any = None, given: Given | None = None, inspect: bool = False
    ) -> "RunFolder":
        """The run at `path`. `cell` is a user's own cell, or names its code: nothing a run names is ever executed.

        `given` are other objects that it was made with. `inspect` opens a run to be looked at only, without code.

        Raises CharloopError for a folder that is no run, and for parts that are missing, damaged or foreign.
        """
        # Of os.path, which asks a name that no file can have too.
        if not os.path.isdir(path):
            raise CharloopError("no such run", got=str(path), do="runs are folders made by `charloop train`")
        if not os.path.isfile(path / CONFIG):
            raise CharloopError(f"{path} is not a run: it has no {CONFIG}", do=what_instead(path))
        values = read_json(path / CONFIG)
        if values.get("format") != FORMAT:
            raise CharloopError(
                f"{path / CONFIG}: format",
                got=values.get("format"),
                allowed=f"{FORMAT}",
                do="update charloop",
            )
        try:
            config = from_dict(values)
        except CharloopError as error:
            raise damaged(path / CONFIG, str(error)) from None
        text = values.get("text")
        vocabulary = read_vocabulary(path / VOCABULARY)
        config = config if inspect else trust_cell(config, cell, path)
        made_with = values.get("made_with")
        known = filter(is_stretch, made_with) if isinstance(made_with, list) else ()
        asks = values.get("given")
        asks = {name: str(kind) for name, kind in asks.items()} if isinstance(asks, dict) else {}
        text = text if isinstance(text, dict) else {}
        return cls(path, config, vocabulary, text, tuple(known), given or Given(), asks)

    def mend(self) -> None:
        """Before the run is written to: remove what a killed process left half-written.

        Raises CharloopError if a part of the run is a link: what is written to it would be written elsewhere. Or if
        it is a pipe or whatever else lines cannot be added to.
        """
        for part in (self.metrics, self.skipped, self.path / SAVES, self.samples):
            if part.is_symlink():
                raise CharloopError(f"{part} is a link out of the run", do="put the files themselves there")
            if part.exists() and not (part.is_dir() if part.suffix == "" else part.is_file()):
                raise CharloopError(f"{part} is no {'file' if part.suffix else 'folder'}", do="move it away")
        with saving(self.path):
            remove_leftovers(self.path)
            self.samples.mkdir(exist_ok=True)

    def save_weights(self, params: Tensors, facts: Mapping[str, Any]) -> None:
        """Write the best weights so far; `facts` (step, validation loss) go with them."""
        write_tensors(self.path / WEIGHTS, params, facts, self.vocabulary.fingerprint)

    def load_weights(self) -> tuple[Tensors, dict[str, Any]]:
        """The best weights, and the facts that were saved with them."""
        return read_tensors(self.path / WEIGHTS, self.path, self.vocabulary.fingerprint)

    @property
    def saves(self) -> Saves:
        """The training states: last weights, moments, memory, step, and the host's part of it as facts."""
        return Saves(self.path, self.vocabulary.fingerprint)

    def load_state(self) -> Save:
        """The training state of the newest save that is whole."""
        return self.saves.newest()

    @property
    def metrics(self) -> Path:
        """One JSON object a line: every step's loss, every evaluation."""
        return self.path / METRICS

    @property
    def skipped(self) -> Path:
        """One JSON object a line, for each update that was undone; not there if none was."""
        return self.path / SKIPPED

    @property
    def samples(self) -> Path:
        """The texts written on the way, a file each time."""
        return self.path / SAMPLES


def is_stretch(value: object) -> bool:
    """Whether `value` says of a stretch of a run what it was made with."""
    return isinstance(value, dict) and isinstance(value.get("from_step"), int)


def trust_cell(config: RunConfig, cell: Any, path: Path) -> RunConfig:
    """`config` with its own cell's code as the user names or gives it now; a built-in cell needs none."""
    stored = config.model.cell
    if not is_user_cell(stored):
        return config
    name = stored.rpartition(":")[2]
    if cell is None and is_object(stored):
        raise CharloopError(
            f"{path} was trained with a cell that a program gave, {name}, which config.json cannot hold",
            do=f"give it again: cell={name} of load or resume, or --cell FILE.py:{name}",
        )
    if cell is None:
        raise CharloopError(
            f"{path} was trained with a cell of its own, {name}, and a run's code is not run unasked",
            do=f"add --cell {Path(stored).name}, or read {path / CELL} and add --cell {path / CELL}:{name}",
        )
    return replace(config, model=replace(config.model, cell=cell))


def what_instead(path: Path) -> str:
    """A hint at runs inside `path`, if there are any, or at what became of the one that was to be made there."""
    if is_given_up(path):
        return "it was stopped while it was made: begin it again by the same command"
    runs = sorted(str(p.parent) for p in path.glob(f"*/{CONFIG}"))
    return f"did you mean {', '.join(runs[:3])}?" if runs else "give a folder made by `charloop train`"


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in `path`; CharloopError that names the file if it holds none."""
    values = read_json(path)
    try:
        return Vocabulary.from_json(values)
    except CharloopError as error:
        raise damaged(path, str(error)) from None
