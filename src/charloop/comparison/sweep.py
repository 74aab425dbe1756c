"""Train several cells with several seeds each on one text, with one budget: a run for each pair, in one folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from charloop.cells import is_file_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.names import CELL, CONFIG
from charloop.checkpoint.new_folder import refuse_used_path
from charloop.checkpoint.texts import split_corpus
from charloop.comparison.matching import hidden_size_like
from charloop.config import RunConfig
from charloop.configfile import changes
from charloop.conversion import convert
from charloop.data import Corpus, TrainingChunks
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.events import INTERRUPTED, Event, Finished, Listener
from charloop.training.run import find_user_cell, resume, train
from charloop.training.schedule import Budget
from charloop.training.session import complete_config
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


@dataclass(frozen=True)
class Sweep:
    """The runs of a sweep in the order of training: every cell with the first seed, then with the next."""

    path: Path
    corpus: Corpus
    runs: tuple[PlannedRun, ...]
    note: str | None
    """Set if the text is too small for the requested number of batch rows."""

    @classmethod
    def plan(
        cls, path: Path, config: RunConfig, corpus: Corpus, cells: Sequence[str], seeds: int, *, match: bool
    ) -> "Sweep":
        """Plan `seeds` runs of each cell, from the seed of `config` upwards, all else equal.

        With `match` each cell gets the hidden size at which it has about as many parameters as the first one.

        Raises CharloopError for a cell that cannot be made, and for two cells with one name.
        """
        names = [short_name(cell).lower() for cell in cells]
        if len(set(names)) < len(names):
            double = next(cell for cell, name in zip(cells, names, strict=True) if names.count(name) > 1)
            raise CharloopError("two cells have the same name", got=double, do="name each cell once")
        complete, note = complete_config(config, split_corpus(config, corpus))
        models = list(same_size(complete, cells, corpus.vocabulary.size, match=match))
        first = config.training.seed
        runs = tuple(
            PlannedRun(
                path / f"{short_name(model.model.cell)}-seed{seed}",
                replace(model, training=replace(complete.training, seed=seed)),
            )
            for seed in range(first, first + seeds)
            for model in models
        )
        return cls(path, corpus, runs, note)

    @property
    def budget(self) -> Budget:
        """The budget that all runs share."""
        config = self.runs[0].config
        cut = split_corpus(config, self.corpus)
        chunks = TrainingChunks.of(self.corpus.tokens[cut.train], config)
        return Budget.of(config.training, chunks.chunks_per_epoch)

    def look(self, run: PlannedRun) -> "RunState":
        """Find how far a run is. Raises CharloopError if its folder holds something else."""
        if not (run.path / CONFIG).exists():
            if run.path.exists():
                refuse_used_path(run.path, overwrite=False)
            return RunState(None, is_over=False)
        folder = RunFolder.open(run.path, inspect=True)
        refuse_another(folder, run, self.corpus)
        checkpoint = folder.checkpoints.newest()
        journal, step = convert(checkpoint.facts, Journal), int(checkpoint.tensors["step"])
        patience = run.config.training.patience
        used = self.budget.is_over(step, journal.elapsed) or bool(patience and journal.since_best >= patience)
        return RunState(journal, is_over=used and journal.evaluated == step, step=step)


@dataclass(frozen=True)
class RunState:
    """How far a run is before its turn."""

    journal: Journal | None
    """None if it was never started."""
    is_over: bool
    step: int = 0


@dataclass(frozen=True)
class RunTurn:
    """The event of a run's turn: it is trained, continued, or finished already."""

    number: int
    """Counted from 1."""
    run: PlannedRun
    found: RunState


SweepListener: TypeAlias = Callable[[Sweep | RunTurn | Event], None]


def train_sweep(sweep: Sweep, listener: SweepListener, *, catch_signals: bool = False) -> bool:
    """Train all unfinished runs. Return whether all are finished: False after a request to stop, when all is saved.

    `catch_signals`: as in `train`.

    Raises CharloopError, before anything is trained, if a run has other settings; and for a run that fails, with its
    name. Finished runs are kept.
    """
    found = [sweep.look(run) for run in sweep.runs]
    listener(sweep)
    for number, (run, there) in enumerate(zip(sweep.runs, found, strict=True), start=1):
        listener(RunTurn(number, run, there))
        if not there.is_over and train_planned(run, there, listener, catch_signals) == INTERRUPTED:
            return False
    return True


def train_planned(run: PlannedRun, found: RunState, listener: Listener, catch_signals: bool) -> str:
    """Start or continue a run. Return why it ended."""
    reasons: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Finished):
            reasons.append(event.reason)
        listener(event)

    try:
        if found.journal:
            cell = find_user_cell(run.config)
            resume(run.path, run.config, cell=cell, listener=note, catch_signals=catch_signals)
        else:
            train(run.config, run.path, listener=note, catch_signals=catch_signals)
    except CharloopError as error:
        raise error.of(run.path) from None
    return reasons[-1]


def same_size(
    config: RunConfig, cells: Sequence[str], vocab_size: int, *, match: bool
) -> Iterator[RunConfig]:
    """Yield `config` with each cell, checked; with `match`, of about as many parameters as with the first."""
    like: CharLM | None = None
    for cell in cells:
        model = replace(config.model, cell=cell)
        built = CharLM.build(model, vocab_size)
        like = like or built
        if match and built is not like:
            model = replace(model, hidden_size=hidden_size_like(like, model))
        yield replace(config, model=model)


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
