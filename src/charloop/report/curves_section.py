"""The loss curves, with the baselines that a loss is compared with."""

import math
from collections.abc import Iterator

from charloop.baselines import Baselines
from charloop.figures import Curves, Line
from charloop.figures.curves import thinned
from charloop.figures.frame import Frame, baseline_labels, frame_of
from charloop.report.chart import (
    Plane,
    axes,
    figure,
    number,
    pixels,
    polyline,
    segment,
    sideways,
    text,
    ticks,
)
from charloop.report.markup import details, escaped, paragraph, table
from charloop.report.values import Missing

FEW = 40
"""Evaluations up to which each has a dot."""
POINTS = 600
"""Of a line: as many as a figure has pixels, nearly."""


def curves_section(curves: Curves | Missing) -> str:
    """Markup."""
    if isinstance(curves, Missing):
        return paragraph(curves.reason, "missing")
    key = (
        '<p class="key"><span class="line validation"></span> validation '
        '<span class="line training"></span> training</p>'
    )
    return (
        f"{key}{figure(lambda width: drawn(curves, width), in_words(curves))}"
        f"{paragraph(in_words(curves), 'words')}{baseline_table(curves)}"
    )


def drawn(curves: Curves, width: float) -> tuple[float, Iterator[str]]:
    """The figure's height, and what is in it."""
    height = 380.0 if width > 500 else 300.0
    frame = frame_of([curves])
    return height, parts(
        curves, frame, Plane(width, height, (frame.left, frame.right), (frame.low, frame.high))
    )


def parts(curves: Curves, frame: Frame, plane: Plane) -> Iterator[str]:
    """Axes, baselines, curves, and the baselines' names above all."""
    yield from axes(plane, "updates", "loss, nats per character")
    yield from bits_axis(plane)
    entries = curves.baselines.entries if curves.baselines else ()
    for baseline in entries:
        if frame.holds(baseline.nats):
            yield segment((plane.left, plane.inner_right), (plane.down(baseline.nats),) * 2, "baseline")
    yield from lines(curves, plane)
    if curves.baselines:
        yield from baseline_names(curves, curves.baselines, frame, plane)


def bits_axis(plane: Plane) -> Iterator[str]:
    """The same losses in bits, at the right."""
    ratio = math.log(2)
    for bits in ticks(plane.y[0] / ratio, plane.y[1] / ratio, 6):
        yield text(plane.inner_right + 6, plane.down(bits * ratio) + 4, number(bits))
    yield sideways(plane.width - 4, (plane.top + plane.inner_bottom) / 2, "bits per character")


def lines(curves: Curves, plane: Plane) -> Iterator[str]:
    """Training thin and pale, validation strong above it."""
    for line, kind in ((curves.training, "training"), (curves.validation, "validation")):
        chosen = thinned(entering(line, plane.y[1]), POINTS)
        if len(chosen.x) > 1:
            yield polyline(plane, chosen.x.tolist(), chosen.y.tolist(), kind)
        if 0 < len(line.x) <= (FEW if kind == "validation" else 1):
            for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
                if plane.y[0] <= y <= plane.y[1]:
                    place = f'cx="{pixels(plane.across(x))}" cy="{pixels(plane.down(y))}"'
                    yield f'<circle class="{kind}" {place} r="3"/>'


def entering(line: Line, high: float) -> Line:
    """`line` from the last point before it first comes below `high`: it enters the figure there."""
    first = max(0, int((line.y <= high).argmax()) - 1) if len(line.y) else 0
    return Line(line.x[first:], line.y[first:])


def baseline_names(curves: Curves, baselines: Baselines, frame: Frame, plane: Plane) -> Iterator[str]:
    """Each where the curves leave room."""
    for label in baseline_labels(baselines, [curves], frame, 15 / (plane.inner_bottom - plane.top)):
        x = plane.left + 4 if label.left else plane.inner_right - 4
        anchor = "start" if label.left else "end"
        yield text(x, plane.down(label.nats) + 4, label.text, anchor=anchor, kind="name")


def in_words(curves: Curves) -> str:
    """What the figure shows, for those who do not see it."""
    if not len(curves.validation.x):
        last = curves.training.y[-1]
        return (
            f"After {curves.training.x[-1]:,.0f} updates the training loss was {last:.3f} nats per character. "
            "There was no evaluation, so there is no validation loss."
        )
    best = curves.validation.y.argmin()
    loss = float(curves.validation.y[best])
    return (
        f"The validation loss went from {curves.validation.y[0]:.3f} nats per character after "
        f"{curves.validation.x[0]:,.0f} updates to {loss:.3f} ({loss / math.log(2):.3f} bits) at its best, after "
        f"{curves.validation.x[best]:,.0f} of {max(curves.validation.x[-1], *curves.training.x[-1:]):,.0f}."
    )


def baseline_table(curves: Curves) -> str:
    """The baselines and the best validation loss between them, the easiest to beat first."""
    if curves.baselines is None:
        return paragraph("There are no baselines: the run has not measured them on its text.")
    rows = [(escaped(baseline.name), baseline.nats) for baseline in curves.baselines.entries]
    if len(curves.validation.y):
        rows.append(("<strong>this network, at its best</strong>", float(curves.validation.y.min())))
    rows.sort(key=lambda row: -row[1])
    cells = [(name, f"{nats:.3f}", f"{nats / math.log(2):.3f}") for name, nats in rows]
    shown = table(("way to predict", "nats", "bits per character"), cells)
    return details("Baselines in figures", shown)
