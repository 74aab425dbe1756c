"""How often gates are shut, and open: a point for each unit."""

from collections.abc import Sequence

import numpy as np

from charloop.analysis import Gate
from charloop.report.chart import Plane, pixels, segment, svg, text
from charloop.report.markup import details, escaped, paragraph, table
from charloop.report.values import Missing

SIDE, MOST = 176.0, 24
"""Pixels of a panel; panels that are drawn."""
OFTEN = 0.9
"""Of the time: a unit whose gate is as good as fixed."""


def gates_section(gates: tuple[Gate, ...] | Missing) -> str:
    """Markup: a panel for each gate of each layer, and the same in figures."""
    if isinstance(gates, Missing):
        return paragraph(gates.reason, "missing")
    panels = "".join(panel(gate) for gate in gates[:MOST])
    more = paragraph(f"Drawn are the first {MOST} of {len(gates)}.") if len(gates) > MOST else ""
    return f'<div class="panels">{panels}</div>{more}{figures(gates)}'


def panel(gate: Gate) -> str:
    """One scatter, as Karpathy, Johnson and Li 2015 have it: left-saturated across, right-saturated up."""
    plane = Plane(SIDE, SIDE, (0, 1), (0, 1), left=32, right=8, top=8, bottom=20)
    points = "".join(
        f"M{pixels(plane.across(left))} {pixels(plane.down(right))}h0"
        for left, right in zip(gate.left.tolist(), gate.right.tolist(), strict=True)
    )
    right, top = plane.inner_right, plane.top
    content = (
        segment((plane.left, right), (plane.inner_bottom,) * 2, "axis"),
        segment((plane.left,) * 2, (top, plane.inner_bottom), "axis"),
        # No unit can be above it: it is not shut and open at once.
        segment((plane.left, right), (top, plane.inner_bottom), "grid"),
        text(plane.left, plane.inner_bottom + 14, "0"),
        text(right, plane.inner_bottom + 14, "1", anchor="end"),
        text((plane.left + right) / 2, plane.inner_bottom + 14, "shut", anchor="middle"),
        text(plane.left - 5, plane.inner_bottom, "0", anchor="end"),
        text(plane.left - 5, top + 8, "1", anchor="end"),
        text(plane.left - 5, (top + plane.inner_bottom) / 2, "open", anchor="end"),
        f'<path d="{points}"/>',
    )
    name = called(gate)
    drawn = svg(SIDE, SIDE, content, f"{name}: {in_words(gate)}", "")
    return f"<figure>{drawn}<figcaption>{escaped(name)}</figcaption></figure>"


def called(gate: Gate) -> str:
    """Layer 0 reads the characters."""
    return f"layer {gate.layer}, {gate.name}"


def in_words(gate: Gate) -> str:
    """What the points show, for those who do not see them."""
    return f"shut {gate.left.mean():.0%} of the time, open {gate.right.mean():.0%}, as a mean over units"


def figures(gates: Sequence[Gate]) -> str:
    """The same in a table."""
    rows = [
        (
            escaped(called(gate)),
            f"{gate.left.mean():.0%}",
            f"{gate.right.mean():.0%}",
            f"{np.sum(gate.left > OFTEN)} of {len(gate.left)}",
            f"{np.sum(gate.right > OFTEN)} of {len(gate.right)}",
        )
        for gate in gates
    ]
    heads = ("gate", "shut", "open", f"units shut over {OFTEN:.0%} of the time", f"open over {OFTEN:.0%}")
    return details("In figures", table(heads, rows, "Means over time and units"))
