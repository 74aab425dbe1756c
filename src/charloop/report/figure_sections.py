"""What the sections with SVG figures show: the loss curves, the gates, and how far back the network remembers."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from charloop.analysis import Gate, Reach
from charloop.figures import Curves, Line
from charloop.figures.curves import (
    FEW_EVALUATIONS,
    Axis,
    Tick,
    frame_curves,
    label_baselines,
    make_axis,
    make_loss_axes,
    thin_line,
    write_number,
)
from charloop.report.chart import (
    Drawing,
    Plane,
    Shape,
    draw_axes,
    draw_polyline,
    draw_segment,
    draw_text,
    draw_widths,
    pixels,
)
from charloop.report.values import View

MAX_POINTS = 600
"""Points of a line: about one for each pixel of a figure."""
PANEL_SIDE, MAX_PANELS = 176.0, 24
"""Pixels of a gate's panel, and panels that are drawn."""
OFTEN = 0.9
"""Share of the time above which a gate is practically fixed."""
DISTANCES = (0, 1, 2, 5, 10, 20, 50, 99)
"""Rows of the reach table: characters before the last one."""


def view_curves(curves: Curves) -> View:
    """Return the loss figure, its description in words, and a table of the network among its baselines."""
    words = describe_curves(curves)
    return {
        "drawings": draw_widths(lambda width: draw_curves(curves, width), words),
        "words": words,
        "rows": rank_losses(curves),
    }


def draw_curves(curves: Curves, width: float) -> tuple[float, Iterator[Shape]]:
    """Return the figure's height, and its shapes: axes, baselines, curves, and the baselines' names above all."""
    height, frame = 380.0 if width > 500 else 300.0, frame_curves([curves])
    plane = Plane(width, height, (frame.left, frame.right), (frame.low, frame.high))

    def shapes() -> Iterator[Shape]:
        yield from draw_axes(plane, *make_loss_axes(frame, "steps", int(width // 90)))
        baselines = curves.baselines
        for baseline in baselines.entries if baselines else ():
            if frame.holds(baseline.nats):
                ends = plane.left, plane.inner_right
                yield draw_segment(ends, (plane.down(baseline.nats),) * 2, "baseline")
        yield from draw_line(curves.training, plane, "training", max_dots=1)
        yield from draw_line(curves.validation, plane, "validation", max_dots=FEW_EVALUATIONS)
        label_height = 15 / (plane.inner_bottom - plane.top)
        for label in label_baselines(baselines, [curves], frame, label_height) if baselines else ():
            x, anchor = (plane.left + 4, "start") if label.left else (plane.inner_right - 4, "end")
            yield draw_text(x, plane.down(label.nats) + 4, label.text, anchor=anchor, kind="name")

    return height, shapes()


def draw_line(line: Line, plane: Plane, kind: str, max_dots: int) -> Iterator[Shape]:
    """Yield a curve, and a dot for each of its points if there are at most `max_dots`."""
    chosen = thin_line(enter_frame(line, plane.y[1]), MAX_POINTS)
    if len(chosen.x) > 1:
        yield draw_polyline(plane, chosen.x.tolist(), chosen.y.tolist(), kind)
    if len(line.x) <= max_dots:
        for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
            if plane.y[0] <= y <= plane.y[1]:
                center = {"cx": pixels(plane.across(x)), "cy": pixels(plane.down(y))}
                yield Shape("circle", {"class": kind} | center | {"r": "3"})


def enter_frame(line: Line, high: float) -> Line:
    """Return `line` from the last point before it first falls below `high`: it enters the figure there."""
    first = max(0, int((line.y <= high).argmax()) - 1) if len(line.y) else 0
    return Line(line.x[first:], line.y[first:])


def describe_curves(curves: Curves) -> str:
    """Return what the figure shows in words."""
    if not len(curves.validation.x):
        return (
            f"After {curves.training.x[-1]:,.0f} updates the training loss was {curves.training.y[-1]:.3f} nats per "
            "character. The run was never evaluated, so there is no validation loss."
        )
    best = curves.validation.y.argmin()
    loss = float(curves.validation.y[best])
    return (
        f"The validation loss fell from {curves.validation.y[0]:.3f} nats per character after "
        f"{curves.validation.x[0]:,.0f} updates to {loss:.3f} ({loss / math.log(2):.3f} bits) at its best, after "
        f"{curves.validation.x[best]:,.0f} of {max(curves.validation.x[-1], *curves.training.x[-1:]):,.0f} updates."
    )


def rank_losses(curves: Curves) -> list[dict[str, object]]:
    """Return the baselines and the best validation loss, the highest loss first; empty without baselines."""
    if curves.baselines is None:
        return []
    losses = [(baseline.name, baseline.nats, False) for baseline in curves.baselines.entries]
    if len(curves.validation.y):
        losses.append(("this network, at its best", float(curves.validation.y.min()), True))
    losses.sort(key=lambda loss: -loss[1])
    return [
        {"name": name, "nats": f"{nats:.3f}", "bits": f"{nats / math.log(2):.3f}", "is_network": is_network}
        for name, nats, is_network in losses
    ]


def view_gates(gates: Sequence[Gate]) -> View:
    """Return a panel for each gate of each layer, and a table of the same numbers."""
    names = [f"layer {gate.layer}, {gate.name}" for gate in gates]
    return {
        "panels": [
            {"name": name, "drawing": draw_gate(gate, name)}
            for gate, name in zip(gates[:MAX_PANELS], names, strict=False)
        ],
        "more": f"The first {MAX_PANELS} of {len(gates)} are drawn." if len(gates) > MAX_PANELS else "",
        "heads": (
            *("gate", "shut", "open"),
            f"units shut over {OFTEN:.0%} of the time",
            f"units open over {OFTEN:.0%} of the time",
        ),
        "rows": [
            (
                *(name, f"{gate.left.mean():.0%}", f"{gate.right.mean():.0%}"),
                f"{np.sum(gate.left > OFTEN)} of {len(gate.left)}",
                f"{np.sum(gate.right > OFTEN)} of {len(gate.right)}",
            )
            for gate, name in zip(gates, names, strict=True)
        ],
    }


def draw_gate(gate: Gate, name: str) -> Drawing:
    """Return a scatter plot as in Karpathy, Johnson and Li 2015: left-saturated across, right-saturated up."""
    side = PANEL_SIDE
    plane = Plane(side, side, (0, 1), (0, 1), left=32, right=8, top=8, bottom=20)
    points = "".join(
        f"M{pixels(plane.across(left))} {pixels(plane.down(right))}h0"
        for left, right in zip(gate.left.tolist(), gate.right.tolist(), strict=True)
    )
    (left, right), (top, bottom) = (plane.left, plane.inner_right), (plane.top, plane.inner_bottom)
    shapes = (
        draw_segment((left, right), (bottom, bottom), "axis"),
        draw_segment((left, left), (top, bottom), "axis"),
        # No unit can be above this line: a gate is not shut and open at once.
        draw_segment((left, right), (top, bottom), "grid"),
        draw_text(left, bottom + 14, "0"),
        draw_text(right, bottom + 14, "1", anchor="end"),
        draw_text((left + right) / 2, bottom + 14, "shut", anchor="middle"),
        draw_text(left - 5, bottom, "0", anchor="end"),
        draw_text(left - 5, top + 8, "1", anchor="end"),
        draw_text(left - 5, (top + bottom) / 2, "open", anchor="end"),
        Shape("path", {"d": points}),
    )
    means = f"shut {gate.left.mean():.0%} of the time, open {gate.right.mean():.0%}, mean over units"
    return Drawing("", pixels(side), pixels(side), f"{name}: {means}", shapes)


def view_reach(reach: Reach, thing: str) -> View:
    """Return the influence over distance as a figure, in words, and as a table; `thing` is a token's name."""
    words, share = describe_reach(reach, thing), reach.gradient / reach.gradient.max()
    return {
        "drawings": draw_widths(lambda width: draw_reach(reach, width, thing), words),
        "words": words,
        "heads": (f"{thing}s before the last", "influence, relative to the greatest"),
        "rows": [(f"{back:,}", f"{share[back]:.2g}") for back in DISTANCES if back < len(share)],
    }


def draw_reach(reach: Reach, width: float, thing: str) -> tuple[float, Iterator[Shape]]:
    """Return the figure's height, and its shapes; the vertical scale is logarithmic."""
    logarithms = np.log10(np.maximum(reach.gradient, reach.gradient.max() * 1e-8))
    low, high = math.floor(logarithms.min()), math.ceil(logarithms.max() + 1e-9)
    high, last = max(high, low + 1), max(1, len(logarithms) - 1)
    plane = Plane(width, 260.0, (0, last), (low, high), left=58, right=16)
    decades = range(low, high + 1, 1 + (high - low) // 7)

    def shapes() -> Iterator[Shape]:
        x = make_axis(f"{thing}s before the last one", 0, last, max(2, int(width // 90)))
        y = Axis("influence, nats", tuple(Tick(decade, write_number(10.0**decade)) for decade in decades))
        yield from draw_axes(plane, x, y)
        yield draw_polyline(plane, range(len(logarithms)), logarithms.tolist(), "curve")

    return plane.height, shapes()


def describe_reach(reach: Reach, thing: str) -> str:
    """Return in words how many characters account for most of the influence."""
    sums = np.cumsum(reach.gradient, dtype=float) / reach.gradient.sum(dtype=float)
    half, most = (int(np.searchsorted(sums, share)) + 1 for share in (0.5, 0.9))
    left = reach.gradient[-1] / max(float(reach.gradient[0]), 1e-30)
    return (
        f"Half of the influence that {len(sums)} {thing}s have on the next one comes from the last {half}, nine "
        f"tenths from the last {most}. The {thing} {len(sums) - 1} before the last has {left:.2g} of the influence "
        "of the last."
    )
