"""How far a run is: its pace, how long an epoch takes, and the line that a notebook shows."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from charloop.notebook import ReadingLine, is_in_notebook
from charloop.progress import Progress
from charloop.training.events import (
    INTERRUPTED,
    Evaluated,
    Event,
    Finished,
    Listener,
    Started,
    Stepped,
    ignore,
)
from charloop.training.metrics import StepRecord
from charloop.training.schedule import Budget
from charloop.wording import clock, duration, number_of

MIN_CALLS, MIN_SECONDS = 4, 1.0
"""Calls, or seconds, after which the pace is known: the last before an evaluation may end with the one before."""
RECENT = 100
"""Steps over which the training loss is averaged: that of a single step varies."""
MEASURED_SECONDS = 3.0
"""Seconds of training that an estimate is based on, at least."""


@dataclass
class Pace:
    """Speed and loss over the latest steps."""

    characters: int = 0
    """Characters that a step reads."""
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    calls: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=50))

    def add(self, steps: Sequence[StepRecord]) -> None:
        """Count a call's updates; the loss of a skipped one is left out."""
        self.losses.extend(step.loss for step in steps if not step.skipped)
        self.calls.append((time.monotonic(), len(steps)))

    @property
    def loss(self) -> float:
        """Mean loss of the latest steps, in nats per character."""
        return sum(self.losses) / max(1, len(self.losses))

    @property
    def speed(self) -> str:
        """Characters trained on per second; empty until it is known."""
        if not self.calls:
            return ""
        seconds = self.calls[-1][0] - self.calls[0][0]
        if len(self.calls) < MIN_CALLS and seconds < MIN_SECONDS:
            return ""
        steps = sum(count for _, count in list(self.calls)[1:])
        return f"{steps * self.characters / max(seconds, 1e-9):,.0f}"


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


def find_listener() -> Listener:
    """Return the listener of a run that is given none: a line in a notebook, and nothing elsewhere."""
    return TrainingLine() if is_in_notebook() else ignore


class TrainingLine(ReadingLine):
    """A listener that shows how far a run is."""

    def __init__(self) -> None:
        super().__init__()
        self._pace, self._total, self._validation = Pace(), "", ""

    def __call__(self, event: Event) -> None:
        """Show the event, if it says how far the run is."""
        match event:
            case Progress():
                super().__call__(event)
            case Started():
                self._pace.characters = event.config.data.batch_size * event.config.data.seq_length
                self._total = describe_total(event)
                self.show("compiling the first step", 0.0, at_once=True)
            case Stepped():
                self._pace.add(event.steps)
                self.show(self._describe(event), event.progress)
            case Evaluated():
                self._validation = f"validation loss {event.score.loss:.3f}"
            case Finished():
                self.show(describe_end(event), at_once=True)

    def _describe(self, event: Stepped) -> str:
        """Return the step, the losses, the speed and the time left."""
        parts = [f"step {event.steps[-1].step:,}{self._total}"]
        parts += [f"loss {self._pace.loss:.3f}"] if self._pace.losses else []
        parts += [self._validation] if self._validation else []
        parts += [f"{self._pace.speed} characters/s"] if self._pace.speed else []
        if event.progress > 0.01:
            parts.append(f"{clock(event.elapsed * (1 - event.progress) / event.progress)} left")
        return " · ".join(parts)


def describe_total(event: Started) -> str:
    """Return the steps of the whole run, for behind a step; nothing where minutes end it."""
    steps = Budget.of(event.config.training, event.chunks_per_epoch).steps
    return f" of {steps:,}" if steps else ""


def describe_end(event: Finished) -> str:
    """Return how many steps a run had, in what time, and its best loss."""
    parts = [number_of(event.step, "step")]
    if event.best:
        parts.append(f"best validation loss {event.best.loss:.3f} (step {event.best_step:,})")
    parts += [clock(event.elapsed)]
    parts += ["interrupted: charloop.resume continues it"] if event.reason == INTERRUPTED else []
    return " · ".join(parts)
