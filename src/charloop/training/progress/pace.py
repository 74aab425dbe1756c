"""How fast a run is, and the mean of its latest losses."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from charloop.training.metrics import StepRecord

MIN_CALLS, MIN_SECONDS = 4, 1.0
"""Calls, or seconds, after which the pace is known: the last before an evaluation may end with the one before."""
RECENT = 100
"""Steps over which the training loss is averaged: that of a single step varies."""


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
