"""The folder of one run: where each part of it lies, how it is made, and how it is read back with suspicion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from charloop.cells import is_file_cell
from charloop.checkpoint.files import write_atomically
from charloop.checkpoint.tensors import damaged, load_tensors, save_tensors
from charloop.config import RunConfig
from charloop.configfile import from_dict, to_dict
from charloop.data import Vocabulary
from charloop.errors import CharloopError

FORMAT = 1
CONFIG, VOCABULARY = "config.json", "vocabulary.json"
WEIGHTS, STATE = "model.safetensors", "training_state.safetensors"
METRICS, SKIPPED, SAMPLES, CELL = "metrics.jsonl", "skipped.jsonl", "samples", "cell.py"

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class RunFolder:
    """A run on the disk. `config` is complete: what was asked for, with all that was decided on the way."""

    path: Path
    config: RunConfig
    vocabulary: Vocabulary
    text: Mapping[str, Any]
    """What it was trained on: description, content hash, sizes of the split."""

    @classmethod
    def create(
        cls,
        path: Path,
        config: RunConfig,
        vocabulary: Vocabulary,
        text: Mapping[str, Any],
        *,
        overwrite: bool,
    ) -> "RunFolder":
        """A new folder with everything but weights. A run that is there is kept, aside, or not touched at all.

        Raises CharloopError if `path` is in use and `overwrite` is not set, or cannot be written.
        """
        make_room(path, overwrite=overwrite)
        run = cls(path, config, vocabulary, text)
        run.path.joinpath(SAMPLES).mkdir(exist_ok=True)
        write_atomically(path / VOCABULARY, encode_json(vocabulary.to_json()))
        if is_file_cell(config.model.cell):
            source = Path(config.model.cell.rpartition(":")[0]).expanduser()
            write_atomically(path / CELL, source.read_bytes())
        run.write_config()
        return run

    def write_config(self) -> None:
        """Write config.json: it makes a folder a run, and comes last."""
        header = {"format": FORMAT, "charloop": version("charloop"), "text": dict(self.text)}
        write_atomically(self.path / CONFIG, encode_json(header | to_dict(self.config)))

    @classmethod
    def open(cls, path: Path, *, cell: str | None = None, inspect: bool = False) -> "RunFolder":
        """The run at `path`. `cell` names the code of a user's own cell: nothing a run names is ever executed.

        `inspect` opens a run to be looked at only, which needs no code.

        Raises CharloopError for a folder that is no run, and for parts that are missing, damaged or foreign.
        """
        if not path.is_dir():
            raise CharloopError("no such run", got=str(path), do="runs are folders made by `charloop train`")
        if not (path / CONFIG).is_file():
            raise CharloopError(f"{path} is not a run: it has no {CONFIG}", do=nearby_runs(path))
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
        return cls(path, config, vocabulary, text if isinstance(text, dict) else {})

    def save_weights(self, params: Tensors, facts: Mapping[str, Any]) -> None:
        """Write the best weights so far; `facts` (step, validation loss) go with them."""
        self._save(WEIGHTS, params, facts)

    def load_weights(self) -> tuple[Tensors, dict[str, Any]]:
        """The best weights, and the facts that were saved with them."""
        return self._load(WEIGHTS)

    def save_state(self, state: Tensors, facts: Mapping[str, Any]) -> None:
        """Write the training state: last weights, moments, memory, step; `facts` are the host's part of it."""
        self._save(STATE, state, facts)

    def load_state(self) -> tuple[Tensors, dict[str, Any]]:
        """The training state of the last save."""
        return self._load(STATE)

    def _save(self, name: str, tensors: Tensors, facts: Mapping[str, Any]) -> None:
        metadata = {"vocabulary": self.vocabulary.fingerprint, "facts": json.dumps(dict(facts))}
        save_tensors(self.path / name, tensors, metadata)

    def _load(self, name: str) -> tuple[Tensors, dict[str, Any]]:
        tensors, metadata = load_tensors(self.path / name)
        if metadata.get("vocabulary") != self.vocabulary.fingerprint:
            raise CharloopError(
                f"{self.path / VOCABULARY} does not fit {name} beside it", do="copy both from the same run"
            )
        return tensors, json.loads(metadata.get("facts", "{}"))

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


def make_room(path: Path, *, overwrite: bool) -> None:
    """Make `path` an empty folder; a run that is there is moved aside if `overwrite`, and never deleted."""
    try:
        if path.is_dir() and any(path.iterdir()):
            refuse(path, overwrite=overwrite)
            set_aside(path.resolve())
        path.mkdir(parents=True, exist_ok=True)
        probe = path / SAMPLES
        probe.mkdir(exist_ok=True)
    except OSError as error:
        raise CharloopError(
            f"cannot make the folder {path} ({error.strerror})", do="choose another --out"
        ) from None


def refuse(path: Path, *, overwrite: bool) -> None:
    """Raises unless what `path` holds is a run, and may be set aside."""
    if (path / CONFIG).exists():
        if overwrite:
            return
        raise CharloopError(
            f"{path} already holds a run",
            do=f"go on with it by --resume {path}, choose another --out, or pass --overwrite to set it aside",
        )
    raise CharloopError(f"{path} is not empty, and not a run", do="choose another --out")


def set_aside(path: Path) -> None:
    """Give the run at `path`, resolved, another name; CharloopError if one stands in it: one would go along."""
    if Path.cwd().is_relative_to(path):
        raise CharloopError(f"{path} cannot be set aside from within", do="change to another folder first")
    path.rename(unused(path))


def unused(path: Path) -> Path:
    """A name beside `path` that is free: path~1, path~2, ..."""
    return next(p for n in range(1, 10**6) if not (p := path.with_name(f"{path.name}~{n}")).exists())


def trust_cell(config: RunConfig, cell: str | None, path: Path) -> RunConfig:
    """`config` with its own cell's code as the user names it now; a built-in cell needs none."""
    stored = config.model.cell
    if not is_file_cell(stored):
        return config
    if cell is None:
        name = stored.rpartition(":")[2]
        raise CharloopError(
            f"{path} was trained with a cell of its own, {name}, and a run's code is not run unasked",
            do=f"add --cell {Path(stored).name}, or read {path / CELL} and add --cell {path / CELL}:{name}",
        )
    return replace(config, model=replace(config.model, cell=cell))


def nearby_runs(path: Path) -> str:
    """A hint at runs inside `path`, if there are any."""
    runs = sorted(str(p.parent) for p in path.glob(f"*/{CONFIG}"))
    return f"did you mean {', '.join(runs[:3])}?" if runs else "give a folder made by `charloop train`"


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in `path`; CharloopError that names the file if it holds none."""
    values = read_json(path)
    try:
        return Vocabulary.from_json(values)
    except CharloopError as error:
        raise damaged(path, str(error)) from None


def encode_json(values: Any) -> bytes:
    """Readable JSON, one item a line."""
    return (json.dumps(values, indent=1, ensure_ascii=True) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; CharloopError if it cannot be read or is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CharloopError(f"{path} is missing", do="the run was copied in part: copy it again") from None
    except OSError as error:
        raise CharloopError(f"cannot read {path} ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise damaged(path, "not a JSON object")
    return values
