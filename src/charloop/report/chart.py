"""Figures as SVG: a plane with axes that points and lines are put on. Colours are the page's."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from charloop.report.markup import classed, escaped

Real: TypeAlias = float | int
WIDTHS = {"wide": 760.0, "narrow": 340.0}
"""Each figure is drawn twice, and the window shows the one that fits: letters keep their size."""
STEPS = (1, 2, 2.5, 5, 10)
LETTER = 6.4
"""Width of a letter in a figure, about, in pixels."""


@dataclass(frozen=True)
class Plane:
    """Where the numbers of a figure lie in it, in pixels; `x` and `y` are the ranges of the axes."""

    width: Real
    height: Real
    x: tuple[Real, Real]
    y: tuple[Real, Real]
    left: Real = 46
    right: Real = 46
    top: Real = 12
    bottom: Real = 40

    @property
    def inner_right(self) -> float:
        """Where the axes end."""
        return float(self.width - self.right)

    @property
    def inner_bottom(self) -> float:
        """Where the x axis lies."""
        return float(self.height - self.bottom)

    def across(self, x: Real) -> float:
        """Pixels from the left."""
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.inner_right - self.left)

    def down(self, y: Real) -> float:
        """Pixels from the top."""
        return self.inner_bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.inner_bottom - self.top)

    def clipped(self, y: Real) -> float:
        """`down`, kept inside the axes."""
        return float(min(max(self.down(y), self.top), self.inner_bottom))


def ticks(low: Real, high: Real, most: int) -> list[float]:
    """Round numbers from `low` to `high`, `most` at the most."""
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * step for step in STEPS if power * step >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [float(number * step) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: Real) -> str:
    """A tick's number: thousands apart, no digits that say nothing."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def pixels(value: Real) -> str:
    """A tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


def text(x: Real, y: Real, content: str, *, anchor: str = "start", kind: str = "") -> str:
    """Words in a figure."""
    place = f'x="{pixels(x)}" y="{pixels(y)}" text-anchor="{anchor}"'
    return f"<text {place}{classed(kind)}>{escaped(content)}</text>"


def segment(x: tuple[Real, Real], y: tuple[Real, Real], kind: str) -> str:
    """A straight line between two points of the figure."""
    return f'<line class="{kind}" x1="{pixels(x[0])}" y1="{pixels(y[0])}" x2="{pixels(x[1])}" y2="{pixels(y[1])}"/>'


def polyline(plane: Plane, x: Iterable[Real], y: Iterable[Real], kind: str) -> str:
    """A line through points; what lies outside the axes runs along their edge."""
    points = " ".join(
        f"{pixels(plane.across(one))},{pixels(plane.clipped(other))}" for one, other in zip(x, y, strict=True)
    )
    return f'<polyline class="{kind}" points="{points}"/>'


def axes(
    plane: Plane,
    label_x: str,
    label_y: str,
    *,
    named: Callable[[Real], str] = number,
    ticks_y: Sequence[Real] | None = None,
    named_y: Callable[[Real], str] = number,
) -> Iterator[str]:
    """Ticks with their grid, and what the axes are."""
    for y in ticks(*plane.y, 6) if ticks_y is None else ticks_y:
        yield segment((plane.left, plane.inner_right), (plane.down(y), plane.down(y)), "grid")
        yield text(plane.left - 6, plane.down(y) + 4, named_y(y), anchor="end")
    for x in ticks(*plane.x, max(2, int(plane.width // 90))):
        yield text(plane.across(x), plane.inner_bottom + 16, named(x), anchor="middle")
    yield segment((plane.left, plane.inner_right), (plane.inner_bottom, plane.inner_bottom), "axis")
    middle = (plane.left + plane.inner_right) / 2
    yield text(middle, plane.height - 6, label_x, anchor="middle", kind="label")
    yield sideways(12, (plane.top + plane.inner_bottom) / 2, label_y)


def sideways(x: Real, y: Real, content: str) -> str:
    """Words that run upwards."""
    place = f"{pixels(x)} {pixels(y)}"
    return (
        f'<text class="label" text-anchor="middle" transform="translate({place}) rotate(-90)">'
        f"{escaped(content)}</text>"
    )


def svg(width: Real, height: Real, content: Iterable[str], title: str, kind: str = "wide") -> str:
    """A figure; `title` says in words what it shows, for those who do not see it."""
    box = f'viewBox="0 0 {pixels(width)} {pixels(height)}"'
    return f'<svg class="{kind}" role="img" aria-label="{escaped(title)}" {box}>{"".join(content)}</svg>'


def figure(draw: Callable[[float], tuple[Real, Iterable[str]]], title: str) -> str:
    """What `draw` makes of each width: its height, and what is in it."""
    drawn = {kind: draw(width) for kind, width in WIDTHS.items()}
    return "".join(svg(WIDTHS[kind], height, parts, title, kind) for kind, (height, parts) in drawn.items())
