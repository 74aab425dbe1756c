"""A sweep over a space: its trials are trained part by part, and the best of each part go on."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from charloop.checkpoint.texts import split_corpus
from charloop.comparison.planned import RunTurn
from charloop.comparison.search.bayes import need_optuna, propose
from charloop.comparison.search.halving import Rung, find_best, plan_rungs
from charloop.comparison.search.importance import rate_importance
from charloop.comparison.search.points import count_trials, first_points
from charloop.comparison.search.record import Record, open_record
from charloop.comparison.search.space import Point, Space
from charloop.comparison.search.trials import Row, Trial, TrialState, check_names, look_at, make_trial
from charloop.config import RunConfig
from charloop.data import Corpus
from charloop.errors import CharloopError, UntrainableError, is_out_of_memory
from charloop.training.events import INTERRUPTED, Event
from charloop.training.session import complete_config

NO_MEMORY = "not enough memory"


@dataclass(frozen=True)
class Failed:
    """The event of a trial that failed: it has diverged, needs more memory, or its settings make no network."""

    reason: str


@dataclass
class SpaceSweep:
    """The trials of a space on one text, in one folder."""

    path: Path
    corpus: Corpus
    base: RunConfig
    """The settings that do not vary, complete."""
    space: Space
    rungs: list[Rung]
    record: Record
    trials: list[Trial] = field(default_factory=list)
    states: dict[int, TrialState] = field(default_factory=dict)

    @classmethod
    def plan(
        cls,
        path: Path,
        config: RunConfig,
        corpus: Corpus,
        space: Mapping[str, Any],
        *,
        trials: int | None,
        halving: bool,
    ) -> "SpaceSweep":
        """Plan `trials` of a space, given as the tables of its file, after those that `path` remembers.

        Nothing is written. Raises CharloopError for a space in which no trial makes a network, and if `path` holds
        something else.
        """
        check_names(Space.of(space))
        record = open_record(path, space, config.training.seed)
        # In the order of the parameters at first: that of a grid depends on it.
        ordered = Space.of(record.space)
        if ordered.method == "bayes":
            need_optuna()
        count = count_trials(ordered, trials)
        base, _ = complete_config(config, split_corpus(config, corpus))
        sweep = cls(path, corpus, base, ordered, [], record)
        if ordered.method != "bayes":
            record.trials += first_points(ordered, record.seed, count)[len(record.trials) :]
            count = min(count, len(record.trials))
        sweep.rungs = plan_rungs(count, halving=halving)
        for point in record.trials[:count]:
            sweep.add(point)
        if sweep.trials and all(trial.misfit for trial in sweep.trials):
            raise CharloopError(f"no trial makes a network; the first: {sweep.trials[0].misfit}")
        return sweep

    def add(self, point: Point) -> None:
        """Add the next trial."""
        path = self.path / f"trial-{len(self.trials):03}"
        trial = make_trial(path, point, self.space, self.base, self.corpus)
        self.trials.append(trial)
        if trial.misfit:
            self.record.failed[path.name] = trial.misfit

    def propose(self) -> bool:
        """Add the trial that the losses so far suggest. Return False if every point of the space was tried."""
        point = propose(self.space, self.record.seed, *self.first_losses())
        if point is None:
            return False
        self.record.trials.append(point)
        self.add(point)
        self.record.save(self.path)
        return True

    def first_losses(self) -> tuple[list[Point], list[float]]:
        """Return the points of all trials, and their losses in the first part of the budget; infinite: none."""
        losses = [self.state(number).loss_at(self.rungs[0].share) for number in range(len(self.trials))]
        points = [trial.point for trial in self.trials]
        return points, [math.inf if loss is None else loss for loss in losses]

    def fail(self, number: int, reason: str) -> None:
        """Remember why a trial failed: it is not tried again."""
        self.record.failed[self.trials[number].path.name] = reason
        self.record.save(self.path)

    def state(self, number: int) -> TrialState:
        """Return how far a trial is."""
        failure = self.record.failed.get(self.trials[number].path.name, "")
        return replace(self.states.get(number, TrialState()), failure=failure)

    def look(self) -> None:
        """Find how far the trials are. Raises CharloopError if a folder holds something else."""
        for number, trial in enumerate(self.trials):
            if not self.state(number).failure:
                self.states[number] = look_at(trial, self.corpus)

    def entrants(self, rung: int) -> Iterable[int]:
        """Return the trials that get a part of the budget: all of them, or the best at the part before."""
        if rung == 0:
            return range(self.rungs[0].trials)
        share = self.rungs[rung - 1].share
        losses = {number: self.state(number).loss_at(share) for number in range(len(self.trials))}
        return find_best(losses, self.rungs[rung].trials)

    def rows(self) -> list[Row]:
        """Return what came of the trials, the best first, those that failed last."""
        states = [self.state(number) for number in range(len(self.trials))]
        rows = [
            Row(trial, state, state.loss_at(math.inf), state.loss_at(self.rungs[0].share))
            for trial, state in zip(self.trials, states, strict=True)
        ]
        return sorted(rows, key=lambda row: math.inf if row.loss is None else row.loss)

    def importance(self) -> Mapping[str, float | None]:
        """Return how much each setting matters, by the losses in the first part of the budget."""
        return rate_importance(self.space.varying, *self.first_losses())


SpaceListener: TypeAlias = Callable[[SpaceSweep | RunTurn | Failed | Event], None]


def train_space(sweep: SpaceSweep, listener: SpaceListener, *, catch_signals: bool = False) -> bool:
    """Train all trials as far as they get. Return False after a request to stop, when all is saved.

    `catch_signals`: as in `train`. The folder must be locked, by `locked_folder`.

    A trial that diverges or needs too much memory has failed, and the others go on. Raises CharloopError, before
    anything is trained, if a trial's folder has other settings; and for any other error of a run, with its name.
    """
    sweep.record.save(sweep.path)
    sweep.look()
    listener(sweep)
    done = 0
    for rung, (share, trials) in enumerate(sweep.rungs):
        for place, number in enumerate(sweep.entrants(rung), start=1):
            if number == len(sweep.trials) and not sweep.propose():
                break
            if not take_turn(sweep, number, share, done + place, listener, catch_signals):
                return False
        done += trials
    return True


def take_turn(
    sweep: SpaceSweep, number: int, share: float, turn: int, listener: SpaceListener, catch_signals: bool
) -> bool:
    """Train a trial to a share of its budget. Return False after a request to stop."""
    trial, state = sweep.trials[number], sweep.state(number)
    failure, reason = state.failure, ""
    is_done = state.is_past(share) and not failure
    listener(RunTurn(turn, trial, state.found, is_done, share))
    if not (is_done or failure):
        try:
            reason = trial.train(state.found, listener, catch_signals=catch_signals, until=share)
            sweep.states[number] = look_at(trial, sweep.corpus)
        except UntrainableError as error:
            failure = str(error)
        except CharloopError as error:
            raise error.of(trial.path) from None
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            failure = NO_MEMORY
        if failure:
            sweep.fail(number, failure)
    if failure:
        listener(Failed(failure))
    return reason != INTERRUPTED
