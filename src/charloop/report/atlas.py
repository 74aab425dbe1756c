"""What the atlas section shows: which units, what each tracks, and how untrained networks compare."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import jax
import numpy as np

from charloop.analysis import (
    DETECTORS,
    Finding,
    Passage,
    Recording,
    StateUnit,
    find_passages,
    find_units,
    record_units,
    score_detectors,
)
from charloop.display import show_character
from charloop.errors import CharloopError
from charloop.report.excerpt import Excerpt
from charloop.report.packing import value_range
from charloop.report.values import Mapped, ShownUnit, View
from charloop.trained import TrainedModel

MAX_UNITS, MOVING_UNITS = 24, 6
"""Units shown: those that track something, or, if none does, those that move the most."""
PASSAGES, PASSAGE_WIDTH = 3, 90
"""Passages for each unit, and their characters."""
UNTRAINED_NETWORKS = 5
"""Networks with random weights that a finding is compared with."""
MOVERS = "The units shown are those that move the most."


def map_units(network: TrainedModel, studied: Excerpt, shown: int) -> Mapped:
    """Return the atlas of the studied text, and units to colour its first `shown` characters with.

    Raises CharloopError if the network's memory is not finite.
    """
    recording = record_characters(network, studied)
    if not np.isfinite(recording.values).all():
        raise CharloopError("the network's memory is not finite", do="its weights are damaged")
    atlas = find_units(recording, studied.text)
    findings = atlas.findings[:MAX_UNITS]
    scores = score_untrained(network, studied, [finding.detector for finding in findings])
    units = [show_finding(recording, one, studied.text, shown, scores[one.detector]) for one in findings]
    return Mapped(atlas, tuple(units or show_movers(recording, studied.text, shown)), studied)


def record_characters(network: TrainedModel, studied: Excerpt) -> Recording:
    """Return the units after each character; a network of bytes has read one when it has read its last byte."""
    found = record_units(network, studied.tokens)
    return Recording(found.units, found.values[studied.last])


def score_untrained(
    network: TrainedModel, studied: Excerpt, names: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Return, for each detector, its best score in each of several networks with random weights, the lowest first.

    The networks differ from `network` and from each other only in their weights. The input alone explains some marks.
    """
    scores: dict[str, list[float]] = {name: [] for name in names}
    detectors = [DETECTORS[name] for name in names]
    # As one program: `init` operation by operation compiles dozens, two seconds of a report.
    init = jax.jit(network.model.init)
    for seed in range(UNTRAINED_NETWORKS if names else 0):
        untrained = replace(network, params=init(jax.random.key(seed)))
        found = score_detectors(record_characters(untrained, studied), studied.text, detectors)
        for name, score in found.items():
            scores[name].append(score)
    return {name: tuple(sorted(own)) for name, own in scores.items()}


def show_finding(
    recording: Recording, finding: Finding, text: str, shown: int, untrained: tuple[float, ...]
) -> ShownUnit:
    """Return the unit of a finding, with the passages where it is highest, or lowest if the finding's sign is -1."""
    values = recording.values[:, recording.units.index(finding.unit)]
    marks = DETECTORS[finding.detector].marks(text[:shown])
    where = marks > 0 if np.isin(marks, (0, 1)).all() else None
    passages = find_passages(values * finding.sign, text, PASSAGES, PASSAGE_WIDTH)
    return ShownUnit(finding.unit, finding, values[:shown], where, untrained, passages)


def show_movers(recording: Recording, text: str, shown: int) -> Iterator[ShownUnit]:
    """Yield the units whose values spread the most, relative to their size."""
    spread = recording.values.std(axis=0) / (np.abs(recording.values).max(axis=0) + 1e-6)
    for column in np.argsort(-spread, kind="stable")[:MOVING_UNITS]:
        values = recording.values[:, column]
        passages = find_passages(values, text, PASSAGES, PASSAGE_WIDTH)
        yield ShownUnit(recording.units[column], None, values[:shown], None, (), passages)


def view_atlas(excerpt: Excerpt, mapped: Mapped) -> View:
    """Return the text, a description of each unit to choose from, and which marks no unit tracks, and why."""
    others = [
        (one.detector, f"best {one.score:.2f} by {name_unit(one.unit)}, chance {one.chance:.2f}")
        for one in mapped.atlas.unproven
    ]
    return {
        "words": describe_atlas(mapped),
        "text": "".join(excerpt.characters),
        "units": [view_unit(shown, mapped.studied) for shown in mapped.units],
        "others": others + [(one.detector, one.reason) for one in mapped.atlas.left_out],
    }


def describe_atlas(mapped: Mapped) -> str:
    """Return in a sentence or two what was found."""
    atlas, searched = mapped.atlas, len(mapped.atlas.findings) + len(mapped.atlas.unproven)
    where = f"{len(mapped.studied.characters):,} characters"
    if atlas.findings:
        return f"In {where}, {len(atlas.findings)} of {searched} marks are tracked by a unit better than by chance."
    if searched:
        return f"In {where}, none of {searched} marks is tracked by any unit better than by chance. {MOVERS}"
    return f"{where[0].upper()}{where[1:]} are too few to determine what a unit tracks. {MOVERS}"


def name_unit(unit: StateUnit) -> str:
    """Return a unit's name; layer 0 reads the characters."""
    return f"layer {unit.layer}, {unit.part} {unit.index}"


def view_unit(shown: ShownUnit, studied: Excerpt) -> View:
    """Return a unit's button in the list, a paragraph on what it tracks, and its passages."""
    finding, name = shown.finding, name_unit(shown.unit)
    low, high = value_range(shown.values)
    words = (
        f"Its value lies between {low:.2f} and {high:.2f} here, except for 1 % of the characters at each end."
    )
    view: View = {"name": name, "label": name, "lines": (), "bar": None, "words": words}
    view["where"] = "Where it is highest:"
    view["passages"] = [split_passage(one, studied) for one in shown.passages]
    if finding:
        untrained = describe_untrained(shown.untrained)
        score = f"score {finding.score:.2f}, chance {finding.chance:.2f}"
        bar = {"score": max(0.0, finding.score) * 100, "chance": min(1.0, finding.chance) * 100}
        extreme = "high" if finding.sign > 0 else "low"
        view |= {
            "label": finding.detector,
            "lines": (name, score, f"untrained {untrained}"),
            "bar": {key: f"{value:.1f}" for key, value in bar.items()},
            "where": f"Where it is {extreme}est:",
            "words": (
                f"{extreme.capitalize()} where the mark “{finding.detector}” is high: "
                f"{DETECTORS[finding.detector].description}. On the half of the text that was not used to choose the "
                f"unit, their correlation is {finding.score:.2f}. The same search with marks of other parts of the "
                f"text reaches {finding.chance:.2f} at most. The best unit of the same network before training, over "
                f"{len(shown.untrained)} networks with different random weights, scores {untrained}. {words}"
            ),
        }
    return view


def describe_untrained(scores: Sequence[float]) -> str:
    """Return the spread of the scores of several untrained networks, the lowest first in `scores`."""
    low, high = f"{scores[0]:.2f}", f"{scores[-1]:.2f}"
    return low if low == high else f"{low} to {high}"


def split_passage(passage: Passage, studied: Excerpt) -> tuple[str, str, str]:
    """Return the text of a passage before its peak, a symbol for the peak's character, and the text after it."""
    before, peak, after = (
        studied.characters[passage.start : passage.peak],
        studied.characters[passage.peak],
        studied.characters[passage.peak + 1 : passage.stop],
    )
    return "".join(before), show_character(peak) + ("\n" if peak == "\n" else ""), "".join(after)
