"""A planned run: what of it is in its folder, whether that is the planned one, and its training."""

from dataclasses import dataclass
from pathlib import Path

from charloop.cells import is_file_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.names import CELL, CONFIG
from charloop.checkpoint.new_folder import refuse_used_path
from charloop.checkpoint.texts import split_corpus
from charloop.config import RunConfig
from charloop.configfile import changes
from charloop.conversion import convert
from charloop.data import Corpus, TrainingChunks
from charloop.errors import CharloopError
from charloop.training.events import Event, Finished, Listener
from charloop.training.new_runs.preparing import find_user_cell
from charloop.training.run import resume, train
from charloop.training.schedule import Budget
from charloop.training.state import Journal

FREE = {"corpus", "cell", "devices", "keep_checkpoints", "log"}
"""Settings that may differ when a sweep continues. The text is known by its content, an own cell by its code."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    path: Path
    config: RunConfig
    """Complete, as in the run's config.json."""

    @property
    def cell(self) -> str:
        """The cell's name; of an own cell only the class."""
        return short_name(self.config.model.cell)

    @property
    def seed(self) -> int:
        """Seed of the random numbers."""
        return self.config.training.seed

    @property
    def chunk(self) -> int:
        """Characters of an update."""
        return self.config.data.batch_size * self.config.data.seq_length

    def budget(self, corpus: Corpus) -> Budget:
        """Return its budget on `corpus`."""
        cut = split_corpus(self.config, corpus)
        chunks = TrainingChunks.of(corpus.tokens[cut.train], self.config)
        return Budget.of(self.config.training, chunks.chunks_per_epoch)

    def look(self, corpus: Corpus) -> "RunState":
        """Find how far the run is. Raises CharloopError if its folder holds something else."""
        if not (self.path / CONFIG).exists():
            if self.path.exists():
                refuse_used_path(self.path, overwrite=False)
            return RunState(None, is_over=False)
        folder = RunFolder.open(self.path, inspect=True)
        refuse_another(folder, self, corpus)
        checkpoint = folder.checkpoints.newest()
        journal, step = convert(checkpoint.facts, Journal), int(checkpoint.tensors["step"])
        patience = self.config.training.patience
        used = self.budget(corpus).is_over(step, journal.elapsed + journal.evaluation_seconds)
        used = used or bool(patience and journal.since_best >= patience)
        return RunState(journal, is_over=used and journal.evaluated == step, step=step)

    def train(self, found: "RunState", listener: Listener, *, catch_signals: bool, until: float = 1.0) -> str:
        """Start or continue the run, to a share of its budget. Return why it ended."""
        reasons: list[str] = []

        def note(event: Event) -> None:
            if isinstance(event, Finished):
                reasons.append(event.reason)
            listener(event)

        if found.journal:
            cell = find_user_cell(self.config)
            resume(self.path, self.config, cell=cell, listener=note, catch_signals=catch_signals, until=until)
        else:
            train(self.config, self.path, listener=note, catch_signals=catch_signals, until=until)
        return reasons[-1]


@dataclass(frozen=True)
class RunState:
    """How far a run is before its turn."""

    journal: Journal | None
    """None if it was never started."""
    is_over: bool
    step: int = 0


@dataclass(frozen=True)
class RunTurn:
    """The event of a run's turn: it is trained, continued, or has done its part already."""

    number: int
    """Counted from 1."""
    run: PlannedRun
    found: RunState
    is_done: bool
    until: float = 1.0
    """The share of its budget that it trains to."""


def short_name(cell: str) -> str:
    """Return a cell's name, or the class of FILE.py:CLASS."""
    return cell.rpartition(":")[2]


def refuse_another(folder: RunFolder, run: PlannedRun, corpus: Corpus) -> None:
    """Raise CharloopError unless the run in `folder` is the planned one."""
    other = "give another --output, or the settings of that run"
    for name, old, new in changes(folder.config, run.config):
        if name not in FREE:
            flag = f"--{name.replace('_', '-')}"
            raise CharloopError(f"{folder.path} was started with {flag} {old}", got=new, do=other)
    if folder.text.get("content_hash") != corpus.content_hash:
        raise CharloopError(f"{folder.path} was started on another text", do=other)
    if is_file_cell(run.config.model.cell):
        now = Path(run.config.model.cell.rpartition(":")[0]).expanduser()
        try:
            same = (folder.path / CELL).read_bytes() == now.read_bytes()
        except OSError as error:
            raise CharloopError(f"cannot read {error.filename} ({error.strerror})") from None
        if not same:
            raise CharloopError(
                f"{now} has changed since {folder.path} was started with it", do="give another --output"
            )
