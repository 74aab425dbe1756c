"""What part of a loss curve is worth its paper, and where the names of the baselines stand in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from charloop.baselines import Baseline, Baselines
from charloop.figures.curves import Curves

BEGINNING, MARGIN, BESIDE, REACH = 0.02, 0.06, 0.015, 0.35
"""Part of a run whose steep fall may leave the frame; room above, below and behind the curves; how far below them
a baseline is shown: all but the first in sizes of the frame."""
LABEL_WIDTH = 0.16
"""Of a baseline's name, in widths of the frame."""


@dataclass(frozen=True)
class Frame:
    """The axes: x, and nats per character."""

    left: float
    right: float
    low: float
    high: float

    def holds(self, nats: float) -> bool:
        """Whether a loss is seen."""
        return self.low < nats < self.high


@dataclass(frozen=True)
class Label:
    """The name of one baseline, or of several that lie too close together for two."""

    text: str
    nats: float
    left: bool
    """At the left end of the frame; at the right if not."""


def frame_of(runs: Sequence[Curves]) -> Frame:
    """All of each run but its steep beginning, and the next baselines below."""
    right = max(float(line.x[-1]) for run in runs for line in (run.training, run.validation) if len(line.x))
    seen = [run.validation.y for run in runs]
    seen += [edge for run in runs if run.band for edge in (run.band.low, run.band.high)]
    seen += [run.training.y[run.training.x >= BEGINNING * right] for run in runs]
    shown = np.concatenate(seen)
    if not len(shown):
        shown = np.concatenate([run.training.y for run in runs])
    low, high = float(shown.min()), float(shown.max())
    height = max(high - low, 0.02)
    entries = [baseline.nats for run in runs if run.baselines for baseline in run.baselines.entries]
    bottom = min([low, *(nats for nats in entries if low - REACH * height < nats < low)])
    height = high - bottom + 0.02
    return Frame(
        0.0, (right or 1.0) * (1 + BESIDE), max(0.0, bottom - MARGIN * height), high + MARGIN * height
    )


def baseline_labels(
    baselines: Baselines, runs: Sequence[Curves], frame: Frame, height: float
) -> Iterator[Label]:
    """The names of the baselines that are seen, each at the end where the curves keep farther away from it.

    Names that would lie less than `height`, a share of the frame's, apart become one.
    """
    seen = sorted(
        (baseline for baseline in baselines.entries if frame.holds(baseline.nats)),
        key=lambda baseline: baseline.nats,
    )
    groups: list[list[Baseline]] = []
    for baseline in seen:
        groups.append([baseline])
        # A group that grows moves up or down, and may come too close to the one below.
        while len(groups) > 1 and middle(groups[-1]) - middle(groups[-2]) < height * (frame.high - frame.low):
            groups[-2:] = [groups[-2] + groups[-1]]
    for group in groups:
        names = ", ".join(baseline.name for baseline in group)
        yield Label(names, middle(group), is_left_free(middle(group), runs, frame))


def middle(group: Sequence[Baseline]) -> float:
    """The mean loss of several baselines."""
    return sum(baseline.nats for baseline in group) / len(group)


def is_left_free(nats: float, runs: Sequence[Curves], frame: Frame) -> bool:
    """Whether the curves are farther from this loss at the left end than at the right one."""
    width = LABEL_WIDTH * (frame.right - frame.left)

    def distance(run: Curves, *, left: bool) -> float:
        x: Float[np.ndarray, " points"] = np.concatenate([run.training.x, run.validation.x])
        y: Float[np.ndarray, " points"] = np.concatenate([run.training.y, run.validation.y])
        near: Bool[np.ndarray, " points"] = x < frame.left + width if left else x > frame.right - width
        return float(np.abs(y[near] - nats).min()) if near.any() else np.inf

    return min(distance(run, left=True) for run in runs) > min(distance(run, left=False) for run in runs)
