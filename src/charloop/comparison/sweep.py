"""Train several cells with several seeds each on one text, with one budget: a run for each pair, in one folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from charloop.checkpoint.texts import split_corpus
from charloop.comparison.matching import hidden_size_like
from charloop.comparison.planned import PlannedRun, RunTurn, short_name
from charloop.config import RunConfig
from charloop.data import Corpus
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.events import INTERRUPTED, Event
from charloop.training.session import complete_config


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


SweepListener: TypeAlias = Callable[[Sweep | RunTurn | Event], None]


def train_sweep(sweep: Sweep, listener: SweepListener, *, catch_signals: bool = False) -> bool:
    """Train all unfinished runs. Return whether all are finished: False after a request to stop, when all is saved.

    `catch_signals`: as in `train`.

    Raises CharloopError, before anything is trained, if a run has other settings; and for a run that fails, with its
    name. Finished runs are kept.
    """
    found = [run.look(sweep.corpus) for run in sweep.runs]
    listener(sweep)
    for number, (run, there) in enumerate(zip(sweep.runs, found, strict=True), start=1):
        listener(RunTurn(number, run, there, there.is_over))
        try:
            if not there.is_over and run.train(there, listener, catch_signals=catch_signals) == INTERRUPTED:
                return False
        except CharloopError as error:
            raise error.of(run.path) from None
    return True


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
