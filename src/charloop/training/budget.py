"""How long a run lasts, how much of it is over, and where it must pause."""

from dataclasses import dataclass

from charloop.config import TrainingConfig

EVALUATIONS = 20
"""A run is evaluated about so often unless it is told otherwise."""
TRAINING_SHARE = 10
"""Seconds of training, at the least, for each second of evaluation in a run that the clock ends."""

SAVE_PAUSE, SAVE_SHARE = 60.0, 100
"""Seconds of training, at the least, between two saves by the clock, and for each second that a save takes."""


@dataclass(frozen=True)
class Budget:
    """Limits of a run, each None if there is none; the first one reached ends it."""

    steps: int | None
    seconds: float | None
    eval_every: int
    """Steps between two evaluations; 0: by the clock, at each twentieth of the run."""
    save_every: int

    @classmethod
    def of(cls, config: TrainingConfig, chunks_per_epoch: int) -> "Budget":
        """The budget that `config` sets for a text of so many chunks."""
        epochs = config.epochs * chunks_per_epoch if config.epochs else None
        limits = [limit for limit in (config.steps, epochs) if limit]
        steps = min(limits, default=None)
        seconds = config.minutes * 60 if config.minutes else None
        by_steps = max(1, steps // EVALUATIONS) if steps and not seconds else 0
        return cls(steps, seconds, config.eval_every or by_steps, config.save_every)

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the run that is over after `step` updates and `elapsed` seconds, 0 to 1."""
        shares = [step / self.steps] if self.steps else []
        shares += [elapsed / self.seconds] if self.seconds else []
        return min(1.0, max(shares, default=0.0))

    def is_over(self, step: int, elapsed: float) -> bool:
        """Whether a limit has been reached."""
        return self.progress(step, elapsed) >= 1

    def room(self, step: int, most: int) -> int:
        """How many updates may follow `step` in one call before the run must pause; at least 1."""
        pauses = [every - step % every for every in (self.eval_every, self.save_every) if every]
        left = [self.steps - step] if self.steps else []
        return max(1, min([most, *pauses, *left]))

    def evaluation_due(
        self, step: int, progress: float, progress_before: float, seconds_before: float = 0.0
    ) -> bool:
        """Whether the validation text is to be scored after `step`.

        `progress_before`: at the end of the last time, which took `seconds_before`. By the clock, training lasts
        at least ten times as long before the next: in a run of minutes, twenty evaluations are too dear.
        """
        if self.eval_every:
            return step % self.eval_every == 0
        if self.seconds and (progress - progress_before) * self.seconds < TRAINING_SHARE * seconds_before:
            return False
        return int(progress * EVALUATIONS) > int(progress_before * EVALUATIONS)

    def save_due(self, step: int, seconds_since: float = 0.0, seconds_before: float = 0.0) -> bool:
        """Whether a save is due after `step`: as `save_every` asks, else by the clock, between two evaluations.

        `seconds_since`: since the last save, which took `seconds_before`. By the clock, training lasts at least a
        hundred times as long before the next.
        """
        if self.save_every:
            return step % self.save_every == 0
        return seconds_since >= max(SAVE_PAUSE, SAVE_SHARE * seconds_before)
