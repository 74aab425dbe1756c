"""The folder of a run: the paths of its parts, how they are written, and how they are checked when it is opened."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from charloop.cells import is_file_cell
from charloop.cells.from_object import is_user_cell
from charloop.checkpoint.checkpoints import Checkpoints, Tensors, read_tensors, write_tensors
from charloop.checkpoint.checksums import damaged
from charloop.checkpoint.hub import fetch_run, names_hub
from charloop.checkpoint.lock import LOCK
from charloop.checkpoint.names import (
    CELL,
    CHECKPOINTS,
    CONFIG,
    FORMER_CHECKPOINTS,
    METRICS,
    SAMPLES,
    SKIPPED,
    VOCABULARY,
    WEIGHTS,
)
from charloop.config import RunConfig
from charloop.configfile import from_dict, to_dict
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.files.atomic import is_leftover, remove_leftovers, saving, write_atomically
from charloop.files.small import read_small
from charloop.given import Given, is_object

FORMAT = 1
FIRST_CHECKPOINT = "step-000000000.safetensors"
WRITTEN_BEFORE_CONFIG = {LOCK, VOCABULARY, CELL, CHECKPOINTS, FORMER_CHECKPOINTS, SAMPLES}
"""What a run's folder may hold before config.json makes it a run."""


@dataclass(frozen=True)
class RunFolder:
    """A run on the disk. `config` is complete: with all that depends on the text decided."""

    path: Path
    config: RunConfig
    vocabulary: Vocabulary
    text: Mapping[str, Any]
    """The training text: description, content hash, sizes of the split."""
    made_with: tuple[Mapping[str, Any], ...] = ()
    """The libraries, devices and processor of each stretch of the run, with its first step."""
    given: Given = field(default_factory=Given)
    """Objects that a program has given for this invocation."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Kinds of objects that earlier invocations were given, and this one needs too, by their field of `given`."""

    def need(self, name: str) -> Any:
        """Return an object of `given`; None if the run needs none. CharloopError if it needs one and has none."""
        found = getattr(self.given, name)
        if found is None and name in self.asks:
            kind = self.asks[name]
            raise CharloopError(
                f"{self.path} was trained with an object as its {name} ({kind}), which config.json cannot hold",
                do=f"pass it again: {name}= of load or resume",
            )
        return found

    def begin(self) -> None:
        """Write everything except weights, checkpoints and config.json into the new folder."""
        with saving(self.samples):
            self.samples.mkdir(exist_ok=True)
        write_atomically(self.path / VOCABULARY, encode_json(self.vocabulary.to_json()))
        if is_file_cell(self.config.model.cell):
            source = Path(self.config.model.cell.rpartition(":")[0]).expanduser()
            write_atomically(self.path / CELL, source.read_bytes())

    def write_config(self) -> None:
        """Write config.json, which comes last: with it a folder is a run."""
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
        """Open the run at `path`, or on the hub (hf:USER/NAME). `cell` is a user's own cell, or
        names its code: no code of the run is executed.

        `given` are other objects that it was made with. With `inspect`, the run is only looked at and needs no code.
        Raises CharloopError for a folder that is not a run, and for parts that are missing, damaged or foreign.
        """
        path = fetch_run(path) if names_hub(path) and not os.path.isdir(path) else path
        # os.path accepts names that no file can have.
        if not os.path.isdir(path):
            do = "runs are folders that `charloop train` creates"
            do = "only eval, sample and compress mix runs" if "+" in str(path) else do
            raise CharloopError("no such run", got=str(path), do=do)
        if not os.path.isfile(path / CONFIG):
            raise CharloopError(f"{path} is not a run: it has no {CONFIG}", do=suggest_runs(path))
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
        document = read_json(path / VOCABULARY)
        try:
            vocabulary = Vocabulary.from_json(document)
        except CharloopError as error:
            raise damaged(path / VOCABULARY, str(error)) from None
        config = config if inspect else trust_cell(config, cell, path)
        made_with = values.get("made_with")
        known = made_with if isinstance(made_with, list) else []
        known = [one for one in known if isinstance(one, dict) and isinstance(one.get("from_step"), int)]
        asks = values.get("given")
        asks = {name: str(kind) for name, kind in asks.items()} if isinstance(asks, dict) else {}
        text = text if isinstance(text, dict) else {}
        return cls(path, config, vocabulary, text, tuple(known), given or Given(), asks)

    def mend(self) -> None:
        """Prepare the run for writing: remove what a killed process has left incomplete.

        Raises CharloopError if a part of the run is a link, which would lead out of the run, or anything else than a
        file or folder, such as a pipe.
        """
        for part in (self.metrics, self.skipped, self.checkpoints.folder, self.samples):
            if part.is_symlink():
                raise CharloopError(f"{part} is a link out of the run", do="put the files themselves there")
            if part.exists() and not (part.is_dir() if part.suffix == "" else part.is_file()):
                raise CharloopError(
                    f"{part} is not a {'file' if part.suffix else 'folder'}", do="move it away"
                )
        with saving(self.path):
            remove_leftovers(self.path)
            self.samples.mkdir(exist_ok=True)

    def save_weights(self, params: Tensors, facts: Mapping[str, Any]) -> None:
        """Write the best weights so far, with `facts` such as step and validation loss."""
        write_tensors(self.path / WEIGHTS, params, facts, self.vocabulary.fingerprint)

    def load_weights(self) -> tuple[Tensors, dict[str, Any]]:
        """Read the best weights and their facts."""
        return read_tensors(self.path / WEIGHTS, self.path, self.vocabulary.fingerprint)

    @property
    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints: weights, optimizer state, memory, step, and the host's part as facts."""
        return Checkpoints(self.path, self.vocabulary.fingerprint)

    @property
    def metrics(self) -> Path:
        """The file with a line for each step and each evaluation."""
        return self.path / METRICS

    @property
    def skipped(self) -> Path:
        """The file with a line for each skipped update; missing if there is none."""
        return self.path / SKIPPED

    @property
    def samples(self) -> Path:
        """The folder of samples, a file for each time."""
        return self.path / SAMPLES


def trust_cell(config: RunConfig, cell: Any, path: Path) -> RunConfig:
    """Return `config` with the code of its cell as the user names or passes it now; a built-in cell needs none."""
    stored = config.model.cell
    if not is_user_cell(stored):
        return config
    name = stored.rpartition(":")[2]
    if cell is None and is_object(stored):
        raise CharloopError(
            f"{path} was trained with a cell object, {name}, which config.json cannot hold",
            do=f"pass it again: cell={name} of load or resume, or --cell FILE.py:{name}",
        )
    if cell is None:
        raise CharloopError(
            f"{path} was trained with a cell of its own, {name}, and a run's code is not executed unasked",
            do=f"add --cell {Path(stored).name}, or read {path / CELL} and add --cell {path / CELL}:{name}",
        )
    return replace(config, model=replace(config.model, cell=cell))


def suggest_runs(path: Path) -> str:
    """Return what to do about a `path` that is not a run: runs inside it, or creating it again."""
    if is_abandoned(path):
        return "it was stopped while it was created: repeat the command that creates it"
    runs = sorted(str(p.parent) for p in path.glob(f"*/{CONFIG}"))
    return (
        f"did you mean {', '.join(runs[:3])}?" if runs else "name a folder that `charloop train` has created"
    )


def is_abandoned(path: Path) -> bool:
    """Return whether `path` holds only what a process has left that was killed while it created a run."""
    return (
        (path / LOCK).exists()
        and holds_only(path, WRITTEN_BEFORE_CONFIG)
        and holds_only(path / SAMPLES, set())
        and holds_only(path / CHECKPOINTS, {FIRST_CHECKPOINT})
        and holds_only(path / FORMER_CHECKPOINTS, {FIRST_CHECKPOINT})
    )


def holds_only(folder: Path, names: set[str]) -> bool:
    """Return whether `folder`, if it exists, holds nothing but `names` and incomplete files."""
    here = folder.iterdir() if folder.is_dir() else []
    return all(entry.name in names or is_leftover(entry.name) for entry in here)


def encode_json(values: Any) -> bytes:
    """Return readable JSON, one item a line."""
    return (json.dumps(values, indent=1, ensure_ascii=True) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """Read the JSON object in `path`; CharloopError if it cannot be read or is not an object."""
    try:
        values = json.loads(read_small(path).decode("utf-8"))
    except FileNotFoundError:
        raise CharloopError(f"{path} is missing", do="the run was copied in part: copy it again") from None
    except OSError as error:
        raise CharloopError(f"cannot read {path} ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise damaged(path, "not a JSON object")
    return values
