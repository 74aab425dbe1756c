"""A trial: an ordinary run with the settings of one point, its losses on the way, and what came of it."""

import math
from dataclasses import dataclass
from pathlib import Path

from charloop.cells.from_object import find_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import split_corpus
from charloop.comparison.planned import PlannedRun, RunState
from charloop.comparison.search.space import Point, Space
from charloop.config import RunConfig
from charloop.data import Corpus
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.metrics import EvaluationRecord, read_records
from charloop.training.optimizer import check_frozen
from charloop.training.session import check_precision, check_weight_dropout, complete_config
from charloop.unroll import find_unrolling

NOT_STARTED = RunState(None, is_over=False)


@dataclass(frozen=True)
class Trial(PlannedRun):
    """A run of a sweep over a space."""

    point: Point
    note: str | None = None
    """Set if the text is too small for the requested number of batch rows."""
    misfit: str = ""
    """Why these settings make no network, if they do not: each may be allowed, and not all together."""


@dataclass(frozen=True)
class TrialState:
    """How far a trial is, and its losses."""

    found: RunState = NOT_STARTED
    losses: tuple[tuple[float, float], ...] = ()
    """Progress and validation loss of each evaluation; a loss may be infinite or NaN."""
    failure: str = ""
    """Why the trial failed; empty if it did not."""

    def is_past(self, share: float) -> bool:
        """Return whether the trial has been trained for this share of its budget, to an evaluation there."""
        return self.found.is_over or (share < 1 and any(progress >= share for progress, _ in self.losses))

    def loss_at(self, share: float) -> float | None:
        """Return the lowest loss up to the first evaluation at or past this share; None if it failed or has none."""
        seen = []
        for progress, loss in self.losses:
            seen.append(loss)
            if progress >= share:
                break
        return None if self.failure else min(filter(math.isfinite, seen), default=None)

    @property
    def share(self) -> float:
        """The share of the budget at the last evaluation."""
        return self.losses[-1][0] if self.losses else 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return self.found.journal.elapsed if self.found.journal else 0.0


@dataclass(frozen=True)
class Row:
    """A trial in the table."""

    trial: Trial
    state: TrialState
    loss: float | None
    """The lowest validation loss, in nats per character; None if it failed or has none."""
    first_loss: float | None
    """The lowest in the first part of the budget, which all trials get."""

    @property
    def pace(self) -> float | None:
        """Characters trained on per second."""
        seconds = self.state.seconds
        return self.state.found.step * self.trial.chunk / seconds if seconds else None


def make_trial(path: Path, point: Point, space: Space, base: RunConfig, corpus: Corpus) -> Trial:
    """Return the trial with these settings, with all that depends on the text decided."""
    config, note = space.config(point, base), None
    try:
        config, note = complete_config(config, split_corpus(config, corpus))
        check_together(config, corpus.vocabulary.size)
    except CharloopError as error:
        return Trial(path, config, point, misfit=str(error))
    return Trial(path, config, point, note)


def check_names(space: Space) -> None:
    """Raise CharloopError for a cell or an unrolling that does not exist, whatever the other settings are."""
    for parameter in space.parameters:
        for name in parameter.choices:
            if parameter.name == "cell":
                find_cell(name, hidden_size=1)
            elif parameter.name == "unroll":
                find_unrolling(name)


def check_together(config: RunConfig, vocab_size: int) -> None:
    """Raise CharloopError for settings that do not fit together."""
    model = CharLM.build(config.model, vocab_size)
    check_frozen(config)
    check_precision(config.training.precision, model)
    check_weight_dropout(config.training.weight_dropout, model)


def look_at(trial: Trial, corpus: Corpus) -> TrialState:
    """Find how far a trial is: only what its last checkpoint knows counts, as the rest would be repeated."""
    found = trial.look(corpus)
    if found.journal is None:
        return TrialState(found)
    budget, evaluated = trial.budget(corpus), found.journal.evaluated
    records = {
        record.step: record
        for record in read_records(RunFolder.open(trial.path, inspect=True).metrics)
        if isinstance(record, EvaluationRecord) and record.step <= evaluated
    }
    # A run pauses by the time at its checkpoint, which is a little later than its evaluation.
    times = {step: record.elapsed for step, record in records.items()} | {found.step: found.journal.elapsed}
    losses = tuple((budget.progress(step, times[step]), records[step].loss) for step in sorted(records))
    return TrialState(found, losses)
