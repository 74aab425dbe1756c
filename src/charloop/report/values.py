"""What a report shows, before it becomes a page: numbers, and sentences where there are none."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from charloop.analysis import Atlas, Finding, Gate, Passage, Predictions, Reach, StateUnit
from charloop.evaluation import Difference, Score
from charloop.figures import Curves
from charloop.originality import Originality
from charloop.report.excerpt import Excerpt

View: TypeAlias = dict[str, Any]
"""What a template shows: plain text, and figures of `report.chart`."""


@dataclass(frozen=True)
class Missing:
    """Why a section has nothing to show."""

    reason: str
    """A sentence."""


@dataclass(frozen=True)
class Sampled:
    """What a network wrote after `step` updates."""

    step: int
    texts: tuple[tuple[str, str], ...]
    """Temperature, as the run recorded it, and text."""
    loss: float | None
    """Validation loss in nats per character at that step, if it was measured there."""


@dataclass(frozen=True)
class ShownUnit:
    """A unit whose values colour the text."""

    unit: StateUnit
    finding: Finding | None
    """What it tracks; None if it is shown because it moves the most."""
    values: Float[np.ndarray, " characters"]
    """After each character that is shown."""
    marks: Bool[np.ndarray, " characters"] | None
    """Where the mark is 1; None if the detector gives other numbers than 0 and 1."""
    untrained: tuple[float, ...]
    """The best scores for that mark in several untrained networks, the lowest first; () without a finding."""
    passages: tuple[Passage, ...]
    """Where in the studied text it is highest; lowest for a finding with a negative sign."""


@dataclass(frozen=True)
class Mapped:
    """The atlas, and the units that are shown."""

    atlas: Atlas
    units: tuple[ShownUnit, ...]
    studied: Excerpt
    """The text on which the units were compared; it begins with the text that is shown."""


@dataclass(frozen=True)
class Written:
    """A text, and what of it occurs in the training text."""

    temperature: float | None
    """None for a text that the network did not write."""
    excerpt: Excerpt
    originality: Originality


@dataclass(frozen=True)
class Learned:
    """The loss on the whole text, with the trained weights and while the network learns from the text."""

    segment: int
    """Characters that are predicted before each update."""
    static: Score
    """With the loss of each token, as `dynamic` has it."""
    dynamic: Score
    gain: Difference | None
    """The loss of `dynamic` minus that of `static`; None for a text too short to tell."""


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    name: str
    """The run's name."""
    facts: tuple[tuple[str, str], ...]
    """What `charloop info` says: label and value."""
    thing: str
    """What a token is: "character" or "byte"."""
    curves: Curves | Missing
    samples: tuple[Sampled, ...] | Missing
    excerpt: Excerpt | Missing
    """The text that the network read."""
    predictions: Predictions | Missing
    mapped: Mapped | Missing
    gates: tuple[Gate, ...] | Missing
    reach: Reach | Missing
    written: tuple[Written, ...] | Missing
    learned: Learned | Missing | None = None
    """None: not asked for."""
