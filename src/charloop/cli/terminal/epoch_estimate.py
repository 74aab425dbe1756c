"""How long an epoch takes."""

from dataclasses import dataclass, field

from charloop.wording import duration, number_of

MEASURED_SECONDS = 3.0
"""Seconds of training that an estimate is based on, at least."""


@dataclass
class EpochEstimate:
    """How long an epoch takes, measured on the first steps: neither compilation nor evaluations are part of it."""

    chunks_per_epoch: int = 0
    steps: int = 0
    """Steps that were measured."""
    seconds: float = 0.0
    """Seconds that they took."""
    is_reported: bool = False
    _since: float | None = None
    _sizes: set[int] = field(default_factory=set)
    """Steps of the calls so far: each number of steps is a program of its own, and compiled in its first call."""

    def add(self, steps: int, now: float) -> str:
        """Count a call of `steps` updates that ended `now`. Return the estimate in words, once, when it is known."""
        if self._since is not None and steps in self._sizes:
            self.steps, self.seconds = self.steps + steps, self.seconds + now - self._since
        self._since = now
        self._sizes.add(steps)
        if self.is_reported or self.seconds < MEASURED_SECONDS or not self.chunks_per_epoch:
            return ""
        self.is_reported = True
        return f"takes about {duration(self.epoch)} (measured over {number_of(self.steps, 'step')})"

    def pause(self) -> None:
        """Leave out the time up to the end of the next call: not all of it is training."""
        self._since = None

    @property
    def epoch(self) -> float:
        """Seconds that an epoch takes."""
        return self.seconds / self.steps * self.chunks_per_epoch
