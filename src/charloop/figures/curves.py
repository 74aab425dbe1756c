"""The model of a loss curve for the terminal, the report and print: its points, axes, ticks and labels.

`drawing.py` draws it for print, `cli/terminal/curve.py` on the terminal, `report/chart.py` on the report's page.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Bool, Float

from charloop.baselines import UNIGRAM, Baseline, Baselines

Real: TypeAlias = float | int
Against: TypeAlias = Literal["steps", "characters", "minutes"]
"""What the x axis counts."""
AGAINST: tuple[Against, ...] = get_args(Against)
NAMES = {"steps": "updates", "characters": "characters of training text", "minutes": "minutes of training"}
FEW_EVALUATIONS = 40
"""Up to this number each evaluation has a dot."""
BEGINNING = 0.02
"""Share of a run, at its beginning, whose steep fall may leave the frame."""
MARGIN, BESIDE, REACH = 0.06, 0.015, 0.35
"""Shares of the frame: the space above and below the curves, the space to their right, and how far below them a
baseline is still shown."""
LABEL_WIDTH = 0.16
"""Width of a baseline's name, in widths of the frame."""
ROUND_STEPS = (1, 2, 2.5, 5, 10)
"""Distances between ticks, times a power of ten."""


@dataclass(frozen=True)
class Line:
    """Losses in nats per character over what the x axis counts."""

    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]


NO_POINTS = Line(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Band:
    """The lowest and the highest of several losses at the same points of the x axis."""

    x: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Curves:
    """A run in a figure."""

    name: str
    training: Line
    validation: Line
    baselines: Baselines | None
    """The baselines of its validation text, if they were measured."""
    band: Band | None = None
    """For several runs, whose mean the curves are: the range of their validation losses."""


@dataclass(frozen=True)
class Frame:
    """The part of the plane that a figure shows: x, and nats per character."""

    left: float
    right: float
    low: float
    high: float

    def holds(self, nats: float) -> bool:
        """Return whether a loss is inside the frame."""
        return self.low < nats < self.high

    def depth(self, nats: float) -> float:
        """Return how far below the top a loss lies: 0 at the top, 1 at the bottom, at most slightly outside."""
        return (self.high - nats) / (self.high - self.low)


@dataclass(frozen=True)
class Label:
    """The name of one baseline, or of several that lie too close together for separate names."""

    entries: tuple[Baseline, ...]
    """The best first."""
    nats: float
    """Their mean loss."""
    left: bool
    """Whether it belongs at the left end of the frame, not at the right one."""

    @property
    def text(self) -> str:
        """The names."""
        return ", ".join(baseline.name for baseline in self.entries)


@dataclass(frozen=True)
class Tick:
    """A labelled point of an axis."""

    position: Real
    label: str


@dataclass(frozen=True)
class Axis:
    """An axis: its name and its ticks."""

    label: str
    ticks: tuple[Tick, ...]


def frame_curves(runs: Sequence[Curves], right: float | None = None) -> Frame:
    """Return the frame of a figure of `runs`; `right` is where its x axis ends, if not at the last point.

    It holds every validation loss, the training losses except a run's steep beginning, and the baselines just below.
    Training losses above the unigram baseline are cut off once a run has passed it.
    """
    last = max(float(line.x[-1]) for run in runs for line in (run.training, run.validation) if len(line.x))
    seen = [run.validation.y for run in runs]
    seen += [edge for run in runs if run.band for edge in (run.band.low, run.band.high)]
    seen += [cut_off(run)[run.training.x >= BEGINNING * last] for run in runs]
    shown = np.concatenate(seen)
    if not len(shown):
        shown = np.concatenate([run.training.y for run in runs])
    low, high = float(shown.min()), float(shown.max())
    height = max(high - low, 0.02)
    losses = [baseline.nats for run in runs if run.baselines for baseline in run.baselines.entries]
    bottom = min([low, *(nats for nats in losses if low - REACH * height < nats < low)])
    height = high - bottom + 0.02
    end = (last or 1.0) * (1 + BESIDE) if right is None else right
    return Frame(0.0, end, max(0.0, bottom - MARGIN * height), high + MARGIN * height)


def cut_off(run: Curves) -> Float[np.ndarray, " points"]:
    """Return the training losses, those above the unigram baseline lowered to it if the last one is below it."""
    unigram = run.baselines.find(UNIGRAM) if run.baselines else None
    losses = run.training.y
    if unigram is None or not len(losses) or losses[-1] >= unigram.nats:
        return losses
    lowered: Float[np.ndarray, " points"] = np.minimum(losses, unigram.nats)
    return lowered


def label_baselines(
    baselines: Baselines, runs: Sequence[Curves], frame: Frame, height: float
) -> Iterator[Label]:
    """Yield the names of the baselines inside `frame`, each at the end where the curves are farther away from it.

    Names that would be closer than `height`, a share of the frame's height, become one.
    """
    inside = sorted(
        (baseline for baseline in baselines.entries if frame.holds(baseline.nats)),
        key=lambda baseline: baseline.nats,
    )
    groups: list[list[Baseline]] = []
    for baseline in inside:
        groups.append([baseline])
        # A group that grows moves up or down, and may come too close to the one below.
        while (
            len(groups) > 1
            and frame.depth(mean_loss(groups[-2])) - frame.depth(mean_loss(groups[-1])) < height
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    for group in groups:
        yield Label(tuple(group), mean_loss(group), is_left_free(mean_loss(group), runs, frame))


def mean_loss(group: Sequence[Baseline]) -> float:
    """Return the mean loss of several baselines in nats per character."""
    return sum(baseline.nats for baseline in group) / len(group)


def is_left_free(nats: float, runs: Sequence[Curves], frame: Frame) -> bool:
    """Return whether the curves are farther from this loss at the left end than at the right one."""
    width = LABEL_WIDTH * (frame.right - frame.left)

    def distance(run: Curves, *, left: bool) -> float:
        x: Float[np.ndarray, " points"] = np.concatenate([run.training.x, run.validation.x])
        y: Float[np.ndarray, " points"] = np.concatenate([run.training.y, run.validation.y])
        near: Bool[np.ndarray, " points"] = x < frame.left + width if left else x > frame.right - width
        return float(np.abs(y[near] - nats).min()) if near.any() else np.inf

    return min(distance(run, left=True) for run in runs) > min(distance(run, left=False) for run in runs)


def thin_line(line: Line, max_points: int) -> Line:
    """Return at most `max_points` points of a line, evenly chosen, both ends among them."""
    if len(line.x) <= max_points:
        return line
    chosen = np.linspace(0, len(line.x) - 1, max_points).round().astype(int)
    return Line(line.x[chosen], line.y[chosen])


def place_ticks(low: Real, high: Real, max_intervals: int) -> list[float]:
    """Return round numbers from `low` to `high`, at most `max_intervals` + 1 of them, evenly spaced."""
    raw = (high - low) / max_intervals
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * step for step in ROUND_STEPS if power * step >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [float(number * step) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def write_number(value: Real) -> str:
    """Return a tick's number: a comma at the thousands, no digits without meaning."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def make_axis(label: str, low: Real, high: Real, max_intervals: int, unit: Real = 1) -> Axis:
    """Return an axis from `low` to `high` with round numbers of `unit`s, at their positions between the two."""
    numbers = place_ticks(low / unit, high / unit, max_intervals)
    return Axis(label, tuple(Tick(number * unit, write_number(number)) for number in numbers))


def make_loss_axes(frame: Frame, against: Against, x_intervals: int) -> tuple[Axis, Axis, Axis]:
    """Return the x axis, the axis in nats at the left, and the axis in bits at the right, positions in nats too."""
    unit = 1e6 if against == "characters" and frame.right >= 1e6 else 1
    name = NAMES[against] if unit == 1 else f"millions of {NAMES[against]}"
    return (
        make_axis(name, frame.left, frame.right, x_intervals, unit),
        make_axis("loss (nats per character)", frame.low, frame.high, 6),
        make_axis("bits per character", frame.low, frame.high, 6, math.log(2)),
    )
