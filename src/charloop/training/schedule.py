"""What happens when in a run: the learning rate of each update, evaluations, checkpoints, and the end."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from charloop.config import TrainingConfig
from charloop.errors import CharloopError
from charloop.wording import duration

EVALUATIONS_PER_RUN = 20
"""About this many, unless `eval_every` is set."""
TRAINING_SHARE = 10
"""Least seconds of training for each second of evaluation, in a run limited by minutes."""
SAVE_PAUSE, SAVE_SHARE = 60.0, 100
"""Least seconds of training between two checkpoints by the clock, and for each second that one takes."""
LATENESS = 1.05
"""A run that takes more than this many times its minutes has a note on it."""

WSD_SHARE = 0.1
"""Share of a run in which wsd decays, at its end (Hu et al. 2024)."""
RISE = 1.1
"""Smallest rise of the learning rate, as a factor, that a resumed run notes."""

Schedule: TypeAlias = Callable[[int], Any]
"""The learning rate of an update, counted from 0: an optax schedule, or any function."""


@dataclass(frozen=True)
class Budget:
    """The limits of a run, each None if it is not set; the first one reached ends the run."""

    steps: int | None
    seconds: float | None
    eval_every: int
    """Steps between two evaluations; 0: by progress, at each twentieth of the run."""
    save_every: int

    @classmethod
    def of(cls, config: TrainingConfig, chunks_per_epoch: int) -> "Budget":
        """Return the budget that `config` sets for a text of `chunks_per_epoch` chunks."""
        epochs = config.epochs * chunks_per_epoch if config.epochs else None
        limits = [limit for limit in (config.steps, epochs) if limit]
        steps = min(limits, default=None)
        seconds = config.minutes * 60 if config.minutes else None
        by_steps = max(1, steps // EVALUATIONS_PER_RUN) if steps and not seconds else 0
        return cls(steps, seconds, config.eval_every or by_steps, config.save_every)

    def progress(self, step: int, elapsed: float) -> float:
        """Return the fraction of the run that is over after `step` updates and `elapsed` seconds, 0 to 1."""
        shares = [step / self.steps] if self.steps else []
        shares += [elapsed / self.seconds] if self.seconds else []
        return min(1.0, max(shares, default=0.0))

    def is_over(self, step: int, elapsed: float) -> bool:
        """Return whether a limit has been reached."""
        return self.progress(step, elapsed) >= 1

    def lateness(self, elapsed: float) -> str:
        """Return a note for people if a run that is limited by minutes took clearly longer; else nothing."""
        if not self.seconds or elapsed <= LATENESS * self.seconds:
            return ""
        why = "compiling and the evaluation at the end are never cut short"
        return f"training ended {duration(elapsed - self.seconds)} late: {why}"

    def updates_until_pause(self, step: int, limit: int) -> int:
        """Return how many updates may follow `step` in one call of at most `limit`; at least 1."""
        pauses = [every - step % every for every in (self.eval_every, self.save_every) if every]
        left = [self.steps - step] if self.steps else []
        return max(1, min([limit, *pauses, *left]))

    def evaluation_due(
        self, step: int, progress: float, progress_before: float, seconds_before: float = 0.0
    ) -> bool:
        """Return whether an evaluation is due after `step`.

        `progress_before` is the progress at the end of the last one, which took `seconds_before`. In a run limited by
        minutes, training lasts at least `TRAINING_SHARE` times as long before the next: twenty evaluations may be too
        expensive.
        """
        if self.eval_every:
            return step % self.eval_every == 0
        if self.seconds and (progress - progress_before) * self.seconds < TRAINING_SHARE * seconds_before:
            return False
        return int(progress * EVALUATIONS_PER_RUN) > int(progress_before * EVALUATIONS_PER_RUN)

    def save_due(self, step: int, seconds_since: float = 0.0, seconds_before: float = 0.0) -> bool:
        """Return whether a checkpoint is due after `step`: by `save_every`, else by the clock between evaluations.

        `seconds_since` is the time since the last one, which took `seconds_before`. By the clock, training lasts at
        least `SAVE_SHARE` times as long before the next.
        """
        if self.save_every:
            return step % self.save_every == 0
        return seconds_since >= max(SAVE_PAUSE, SAVE_SHARE * seconds_before)


def learning_rate(config: TrainingConfig, *, step: int, epoch: float, progress: float) -> float:
    """Return the rate of update `step` (from 0), `epoch` epochs and a fraction `progress` in [0, 1] into the run."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return config.learning_rate * warm * decay_factor(config, epoch=epoch, progress=progress)


def decay_factor(config: TrainingConfig, *, epoch: float, progress: float) -> float:
    """Return the fraction of the peak rate that remains."""
    # Not optax's schedules: on the host each makes a dozen calls into JAX, a third of a small network's step.
    match config.decay:
        case "cosine":
            return (
                config.final_fraction + (1 - config.final_fraction) * (1 + math.cos(math.pi * progress)) / 2
            )
        case "linear":
            return 1 - (1 - config.final_fraction) * progress
        case "wsd":
            return 1 - (1 - config.final_fraction) * max(0.0, 1 - (1 - progress) / WSD_SHARE)
        case "step":
            return config.decay_rate ** max(0, int(epoch) - config.decay_after + 1)
        case "constant":
            return 1.0


def note_rate_rise(
    before: TrainingConfig, after: TrainingConfig, *, chunks_per_epoch: int, step: int, elapsed: float
) -> list[str]:
    """Return a note if a run of `step` updates that continues with other limits does so at a higher rate."""

    def rate(config: TrainingConfig, number: int) -> float:
        progress = Budget.of(config, chunks_per_epoch).progress(number, elapsed)
        return learning_rate(config, step=number, epoch=number / chunks_per_epoch, progress=progress)

    # The same update under both limits, so that the warm-up is no rise.
    if not step or rate(after, step - 1) <= RISE * rate(before, step - 1):
        return []
    old, new = rate(before, step - 1), rate(after, step)
    return [
        f"the learning rate rises from {old:.2g} to {new:.2g}: {after.decay} decay now ends with the new budget"
    ]


def given_rate(schedule: Schedule, step: int) -> float:
    """Return the rate that `schedule` gives an update, counted from 0. CharloopError if it is not a finite number."""
    try:
        rate = float(schedule(step))
    except TypeError as error:
        raise CharloopError(f"the schedule gives no number for step {step}", do=str(error)) from None
    if not math.isfinite(rate):
        raise CharloopError(
            f"the schedule's learning rate for step {step}", got=rate, allowed="finite numbers"
        )
    return rate
