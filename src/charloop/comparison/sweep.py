"""Several cells, each trained with several seeds on one text under one budget: a run for each pair, in one folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from charloop.cells import is_file_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.names import CELL, CONFIG
from charloop.checkpoint.new_folder import refuse_used_path
from charloop.comparison.matching import hidden_size_like
from charloop.config import RunConfig
from charloop.configfile import changes
from charloop.conversion import convert
from charloop.data import Chunks, Corpus
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.events import INTERRUPTED, Event, Finished, Listener
from charloop.training.run import find_user_cell, resume, train
from charloop.training.schedule import Budget
from charloop.training.session import complete_config, split_corpus
from charloop.training.state import Journal

FREE = {"corpus", "cell", "devices", "keep_checkpoints", "log"}
"""What may be otherwise when a sweep goes on. The text is known by its content, a cell of one's own by its code."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    path: Path
    config: RunConfig
    """Complete, as the run itself will have it."""

    @property
    def cell(self) -> str:
        """The cell's name, without the file of a user's own."""
        return short_name(self.config.model.cell)

    @property
    def seed(self) -> int:
        """The source of all that is random in it."""
        return self.config.training.seed


@dataclass(frozen=True)
class Sweep:
    """The runs of a comparison, in the order in which they are trained: every cell with the first seed, and so on."""

    path: Path
    corpus: Corpus
    runs: tuple[PlannedRun, ...]
    note: str | None
    """Said where the text is too small for the lanes that were asked for."""

    @classmethod
    def plan(
        cls, path: Path, config: RunConfig, corpus: Corpus, cells: Sequence[str], seeds: int, *, match: bool
    ) -> "Sweep":
        """`seeds` runs of each cell, from the seed of `config` on, all else alike.

        With `match` each cell gets the hidden size at which it has about as many parameters as the first one.

        Raises CharloopError for a cell that cannot be made, and for two cells of one name.
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
        chunks = Chunks(self.corpus.tokens[cut.train], config.data.batch_size, config.data.seq_length)
        return Budget.of(config.training, chunks.chunks_per_epoch)

    def look(self, run: PlannedRun) -> "RunState":
        """What there is of a run. Raises CharloopError if it was begun with something else, or its place is taken."""
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
    """What there is of a run before it is trained."""

    journal: Journal | None
    """None if it was never begun."""
    is_over: bool
    step: int = 0


@dataclass(frozen=True)
class RunTurn:
    """A run's turn has come: it is trained, from its beginning or from where it was left, or it is there already."""

    number: int
    """Counted from 1."""
    run: PlannedRun
    found: RunState


SweepListener: TypeAlias = Callable[[Sweep | RunTurn | Event], None]


def train_sweep(sweep: Sweep, listener: SweepListener, *, catch_signals: bool = False) -> bool:
    """Train what is not trained yet; whether all is. False if someone asked to stop: what there is is saved.

    `catch_signals`: as in `train`.

    Raises CharloopError, before anything is trained, if a run was begun with other settings; and for a run that
    fails, with its name. Those before it are kept.
    """
    found = [sweep.look(run) for run in sweep.runs]
    listener(sweep)
    for number, (run, there) in enumerate(zip(sweep.runs, found, strict=True), start=1):
        listener(RunTurn(number, run, there))
        if not there.is_over and train_planned(run, there, listener, catch_signals) == INTERRUPTED:
            return False
    return True


def train_planned(run: PlannedRun, found: RunState, listener: Listener, catch_signals: bool) -> str:
    """Begin a run or go on with it; why it ended."""
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
    """`config` with each of the cells, checked; of about as many parameters as with the first if `match`."""
    like: CharLM | None = None
    for cell in cells:
        model = replace(config.model, cell=cell)
        built = CharLM.build(model, vocab_size)
        like = like or built
        if match and built is not like:
            model = replace(model, hidden_size=hidden_size_like(like, model))
        yield replace(config, model=model)


def short_name(cell: str) -> str:
    """A cell's name, or the class of FILE.py:CLASS."""
    return cell.rpartition(":")[2]


def refuse_another(folder: RunFolder, run: PlannedRun, corpus: Corpus) -> None:
    """Raises CharloopError unless the run in `folder` is the one that is planned there."""
    other = "give another --output, or the settings that it was begun with"
    for name, old, new in changes(folder.config, run.config):
        if name not in FREE:
            flag = f"--{name.replace('_', '-')}"
            raise CharloopError(f"{folder.path} was begun with {flag} {old}", got=new, do=other)
    if folder.text.get("content_hash") != corpus.content_hash:
        raise CharloopError(f"{folder.path} was begun on another text", do=other)
    if is_file_cell(run.config.model.cell):
        refuse_other_code(folder.path / CELL, Path(run.config.model.cell.rpartition(":")[0]).expanduser())


def refuse_other_code(kept: Path, now: Path) -> None:
    """Raises CharloopError if a user's own cell is no longer the one that a run keeps a copy of."""
    try:
        same = kept.read_bytes() == now.read_bytes()
    except OSError as error:
        raise CharloopError(f"cannot read {error.filename} ({error.strerror})") from None
    if not same:
        raise CharloopError(
            f"{now} has changed since {kept.parent} was begun with it", do="give another --output"
        )
