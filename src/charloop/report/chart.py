"""SVG figures as plain values: shapes on a plane with axes. Templates write them; the style sheet colours them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from charloop.figures.curves import Axis, Real

WIDTHS = {"wide": 760.0, "narrow": 340.0}
"""Each figure is drawn at both widths, and the window shows the one that fits: the text keeps its size."""


@dataclass(frozen=True)
class Shape:
    """One element of SVG."""

    tag: str
    attributes: Mapping[str, str]
    content: str = ""
    """Text inside the element."""


@dataclass(frozen=True)
class Drawing:
    """A figure; sizes are in pixels."""

    kind: str
    """The class that decides when it is shown: "wide", "narrow", or "" for always."""
    width: str
    height: str
    title: str
    """What the figure shows, in words, for people who cannot see it."""
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Plane:
    """Where numbers lie in a figure, in pixels; `x` and `y` are the ranges of the axes."""

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
        """Return the pixels from the left edge of the figure."""
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.inner_right - self.left)

    def down(self, y: Real) -> float:
        """Return the pixels from the top edge of the figure."""
        return self.inner_bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.inner_bottom - self.top)

    def clipped(self, y: Real) -> float:
        """Return `down(y)`, kept inside the axes."""
        return float(min(max(self.down(y), self.top), self.inner_bottom))


def pixels(value: Real) -> str:
    """Return a length to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def draw_text(x: Real, y: Real, content: str, *, anchor: str = "start", kind: str = "") -> Shape:
    """Return words that begin, end or are centred at a point, as `anchor` says."""
    attributes = {"x": pixels(x), "y": pixels(y), "text-anchor": anchor}
    return Shape("text", attributes | ({"class": kind} if kind else {}), content)


def draw_upwards(x: Real, y: Real, content: str) -> Shape:
    """Return words that run upwards, centred at a point."""
    turned = f"translate({pixels(x)} {pixels(y)}) rotate(-90)"
    return Shape("text", {"class": "label", "text-anchor": "middle", "transform": turned}, content)


def draw_segment(x: tuple[Real, Real], y: tuple[Real, Real], kind: str) -> Shape:
    """Return a straight line between two points."""
    ends = {"x1": pixels(x[0]), "y1": pixels(y[0]), "x2": pixels(x[1]), "y2": pixels(y[1])}
    return Shape("line", {"class": kind} | ends)


def draw_polyline(plane: Plane, x: Iterable[Real], y: Iterable[Real], kind: str) -> Shape:
    """Return a line through points; what lies outside the axes runs along their edge."""
    points = " ".join(
        f"{pixels(plane.across(one))},{pixels(plane.clipped(other))}" for one, other in zip(x, y, strict=True)
    )
    return Shape("polyline", {"class": kind, "points": points})


def draw_axes(plane: Plane, x: Axis, y: Axis, right: Axis | None = None) -> Iterator[Shape]:
    """Yield the grid, the ticks and the names of the axes; `right` is a second scale for y, its ticks in y's unit."""
    ends, middle = (plane.left, plane.inner_right), (plane.top + plane.inner_bottom) / 2
    for tick in y.ticks:
        yield draw_segment(ends, (plane.down(tick.position),) * 2, "grid")
        yield draw_text(plane.left - 6, plane.down(tick.position) + 4, tick.label, anchor="end")
    for tick in x.ticks:
        yield draw_text(plane.across(tick.position), plane.inner_bottom + 16, tick.label, anchor="middle")
    yield draw_segment(ends, (plane.inner_bottom,) * 2, "axis")
    yield draw_text(sum(ends) / 2, plane.height - 6, x.label, anchor="middle", kind="label")
    yield draw_upwards(12, middle, y.label)
    if right:
        for tick in right.ticks:
            yield draw_text(plane.inner_right + 6, plane.down(tick.position) + 4, tick.label)
        yield draw_upwards(plane.width - 4, middle, right.label)


def draw_widths(draw: Callable[[float], tuple[Real, Iterable[Shape]]], title: str) -> list[Drawing]:
    """Return the drawings of both widths; `draw` returns the height and the shapes for a width in pixels."""
    drawings = []
    for kind, width in WIDTHS.items():
        height, shapes = draw(width)
        drawings.append(Drawing(kind, pixels(width), pixels(height), title, tuple(shapes)))
    return drawings
