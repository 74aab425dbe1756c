"""Which units are shown, and what is told of each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import jax
import numpy as np
from jaxtyping import Bool, Float

from charloop.analysis import DETECTORS, Finding, Passage, Recording, find_units, record, top_passages
from charloop.errors import CharloopError
from charloop.report.excerpt import Excerpt
from charloop.report.values import Mapped, ShownUnit
from charloop.trained import TrainedModel

MOST, MOVING = 24, 6
"""Units that are shown: those that track something, or where none does those that move the most."""
PASSAGES, WIDTH = 3, 90
"""For each unit, and their characters."""


def mapped(network: TrainedModel, studied: Excerpt, shown: int) -> Mapped:
    """The atlas of the studied text, and units to colour its first `shown` characters with.

    Raises CharloopError for a memory that is not finite.
    """
    recording = recorded(network, studied)
    if not np.isfinite(recording.values).all():
        raise CharloopError("the network's memory is not finite", do="its weights are damaged")
    atlas = find_units(recording, studied.text)
    scores = untrained(network, studied, [finding.detector for finding in atlas.findings[:MOST]])
    units = [
        tracking(recording, finding, studied.text, shown, scores.get(finding.detector))
        for finding in atlas.findings[:MOST]
    ]
    return Mapped(atlas, tuple(units or moving(recording, studied.text, shown)), studied)


def recorded(network: TrainedModel, studied: Excerpt) -> Recording:
    """What the units were after each character: a network of bytes has read one when it has read its last byte."""
    found = record(network, studied.tokens)
    return Recording(found.units, found.values[studied.last])


def untrained(network: TrainedModel, studied: Excerpt, names: Sequence[str]) -> dict[str, float]:
    """How well these marks are tracked by the same network with weights by chance: some the input gives away."""
    if not names:
        return {}
    beginner = replace(network, params=network.model.init(jax.random.key(0)))
    detectors = [DETECTORS[name] for name in names]
    atlas = find_units(recorded(beginner, studied), studied.text, detectors)
    return {finding.detector: finding.score for finding in (*atlas.findings, *atlas.unproven)}


def tracking(
    recording: Recording, finding: Finding, text: str, shown: int, untrained: float | None
) -> ShownUnit:
    """The unit of a finding; passages are where it says most clearly what it tracks."""
    values = recording.values[:, recording.units.index(finding.unit)]
    marks = DETECTORS[finding.detector].marks(text[:shown])
    passages = passages_of(values * finding.sign, text)
    return ShownUnit(finding.unit, finding, values[:shown], yes_or_no(marks), untrained, passages)


def yes_or_no(marks: Float[np.ndarray, " characters"]) -> Bool[np.ndarray, " characters"] | None:
    """Marks that are 0 or 1 and nothing else."""
    return marks > 0 if np.isin(marks, (0, 1)).all() else None


def moving(recording: Recording, text: str, shown: int) -> Iterator[ShownUnit]:
    """The units whose values spread the most, beside how large they are."""
    spread = recording.values.std(axis=0) / (np.abs(recording.values).max(axis=0) + 1e-6)
    for place in np.argsort(-spread, kind="stable")[:MOVING]:
        values = recording.values[:, place]
        yield ShownUnit(recording.units[place], None, values[:shown], None, None, passages_of(values, text))


def passages_of(values: Float[np.ndarray, " time"], text: str) -> tuple[Passage, ...]:
    """Where the unit is highest."""
    return top_passages(values, text, PASSAGES, WIDTH)
