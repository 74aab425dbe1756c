"""What a training run tells whoever listens: values, no formatting. A listener is any function of an event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from charloop.baselines import Baselines
from charloop.config import RunConfig
from charloop.data import Reading
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.trained import TrainedModel

INTERRUPTED = "interrupted"
"""Why a run ended that goes on as if it had not."""
USED_UP = "the budget is used up"
"""Why a run ended that goes on if it is given more steps, epochs or minutes."""


@dataclass(frozen=True)
class Started:
    """All is ready; the first step is about to be compiled."""

    folder: Path
    config: RunConfig
    description: str
    notes: Sequence[str]
    split: tuple[int, int, int]
    """Characters to train, to validate, to test on."""
    content_hash: str
    vocab_size: int
    parameters: int
    devices: int
    chunks_per_epoch: int
    resumed_at: int
    """The step it goes on from; 0 for a fresh run."""


@dataclass(frozen=True)
class Step:
    """One update of the weights."""

    step: int
    """Counted from 1."""
    epoch: float
    loss: float
    """Nats per character on the training text, with dropout."""
    gradient_norm: float
    learning_rate: float
    skipped: str = ""
    """Why the update was undone; empty if it was not."""
    in_a_row: int = 0
    """How many in a row are undone by now."""
    planned_rate: float | None = None
    """The learning rate that the schedule asks for, where undone updates lowered it."""


@dataclass(frozen=True)
class Stepped:
    """A call's updates are done."""

    steps: Sequence[Step]
    progress: float
    """Share of the run that is over, 0 to 1."""
    elapsed: float
    """Seconds of training, of earlier sittings too."""


def no_network() -> TrainedModel:
    """Of an event that comes from no run."""
    raise CharloopError("there is no network to this event")


@dataclass(frozen=True)
class Evaluated:
    """The validation text has been scored."""

    step: int
    score: Score
    is_best: bool
    elapsed: float
    network: Callable[[], TrainedModel] = field(default=no_network, repr=False, compare=False)
    """The network as it now is, for evaluations of a program's own: copied when asked for, and while this is told."""


@dataclass(frozen=True)
class Sampled:
    """The network wrote something, at several temperatures."""

    step: int
    texts: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Measured:
    """The baselines of the validation text are known: what its losses are to be compared with."""

    baselines: Baselines


@dataclass(frozen=True)
class Noted:
    """Something to say about the run, once."""

    text: str


@dataclass(frozen=True)
class Stopping:
    """Someone asked to stop: the step in hand is finished, then all is saved."""


@dataclass(frozen=True)
class Finished:
    """The run is over, and saved."""

    reason: str
    step: int
    best: Score | None
    best_step: int
    elapsed: float
    skipped: int = 0
    """Updates that were undone, in earlier sittings too."""


Event: TypeAlias = Reading | Started | Stepped | Evaluated | Sampled | Measured | Noted | Stopping | Finished
Listener: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that does not listen."""
