"""What a report shows, before it is a page: numbers, and sentences where there are none."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from charloop.analysis import Atlas, Finding, Gate, Passage, Predictions, Reach, Unit
from charloop.figures import Curves
from charloop.originality import Originality
from charloop.report.excerpt import Excerpt


@dataclass(frozen=True)
class Missing:
    """Why a section has nothing to show."""

    reason: str
    """A sentence."""


@dataclass(frozen=True)
class Sampled:
    """What a network wrote after so many updates."""

    step: int
    texts: tuple[tuple[str, str], ...]
    """Temperature, as the run wrote it down, and text."""
    loss: float | None
    """Validation loss in nats per character at that step, if it was measured just then."""


@dataclass(frozen=True)
class ShownUnit:
    """A unit whose values colour the text."""

    unit: Unit
    finding: Finding | None
    """What it tracks; None where it is shown for moving the most."""
    values: Float[np.ndarray, " characters"]
    """After each character that is shown."""
    marks: Bool[np.ndarray, " characters"] | None
    """Where the detector says yes; None if it does not say yes or no."""
    untrained: float | None
    """The score of the best unit for that mark in the same network with weights by chance."""
    passages: tuple[Passage, ...]
    """Where in the studied text it says the most, as far as it was found to say anything: high, or low."""


@dataclass(frozen=True)
class Mapped:
    """The atlas, and the units that are shown."""

    atlas: Atlas
    units: tuple[ShownUnit, ...]
    studied: Excerpt
    """The text that the units were compared on; it begins with the one that is shown."""


@dataclass(frozen=True)
class Written:
    """A text, and what of it stands in the training text."""

    temperature: float | None
    """None for a text that the network did not write."""
    excerpt: Excerpt
    originality: Originality


@dataclass(frozen=True)
class Report:
    """All that is on the page."""

    name: str
    """Of the run."""
    facts: tuple[tuple[str, str], ...]
    """What `charloop info` says, label and value."""
    thing: str
    """What a token is: "character" or "byte"."""
    curves: Curves | Missing
    samples: tuple[Sampled, ...] | Missing
    excerpt: Excerpt | Missing
    """The text that the network was shown."""
    predictions: Predictions | Missing
    mapped: Mapped | Missing
    gates: tuple[Gate, ...] | Missing
    reach: Reach | Missing
    written: tuple[Written, ...] | Missing
