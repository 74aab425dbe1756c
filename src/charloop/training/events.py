"""The events of a training run, as values without formatting. A listener is any function of an event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from charloop.baselines import Baselines
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.progress import Progress
from charloop.trained import TrainedModel
from charloop.training.metrics import StepRecord

INTERRUPTED = "interrupted"
"""Reason of a run that was stopped and can be resumed."""
PAUSED = "paused"
"""Reason of a run that has trained for the share of its budget it was asked to, and can be resumed."""
USED_UP = "the budget is used up"
"""Reason of a run that can be resumed with more steps, epochs or minutes."""


@dataclass(frozen=True)
class Started:
    """Everything is ready; the first step is about to be compiled."""

    folder: Path
    config: RunConfig
    description: str
    notes: Sequence[str]
    split: tuple[int, int, int]
    """Characters of training, validation and test text."""
    content_hash: str
    vocab_size: int
    parameters: int
    devices: int
    chunks_per_epoch: int
    resumed_at: int
    """The step that the run continues from; 0 for a new run."""
    documents: int = 0
    """Documents of the whole text; 0 if it is one text, or the run is of a version that did not count them."""
    reasons: Sequence[str] = ()
    """What the preset auto has chosen for a new run, and why."""


@dataclass(frozen=True)
class Stepped:
    """The updates of a call are done."""

    steps: Sequence[StepRecord]
    progress: float
    """Fraction of the run that is over, 0 to 1."""
    elapsed: float
    """Seconds of training, including earlier invocations."""


def no_network() -> TrainedModel:
    """Stand in for the network of an event that no run has sent."""
    raise CharloopError("this event has no network")


@dataclass(frozen=True)
class Evaluated:
    """The validation text has been scored."""

    step: int
    score: Score
    is_best: bool
    elapsed: float
    network: Callable[[], TrainedModel] = field(default=no_network, repr=False, compare=False)
    """Return a copy of the network, to evaluate it yourself. Call it only while handling the event."""
    is_averaged: bool = False
    """Whether score and network are those of the average of the weights, which is better than they are."""


@dataclass(frozen=True)
class Sampled:
    """The network has written samples, at several temperatures."""

    step: int
    texts: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Measured:
    """The baselines of the validation text are known."""

    baselines: Baselines


@dataclass(frozen=True)
class Noted:
    """A note on the run, for whoever watches it."""

    text: str


@dataclass(frozen=True)
class Stopping:
    """A stop was requested: the current step is finished, then a checkpoint is saved."""


@dataclass(frozen=True)
class Finished:
    """The run has ended, and a checkpoint is saved."""

    reason: str
    step: int
    best: Score | None
    best_step: int
    elapsed: float
    skipped: int = 0
    """Number of skipped updates, including earlier invocations."""
    best_is_averaged: bool = False


Event: TypeAlias = Progress | Started | Stepped | Evaluated | Sampled | Measured | Noted | Stopping | Finished
Listener: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that does nothing."""
