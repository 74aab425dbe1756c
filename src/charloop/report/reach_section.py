"""How far back the network remembers."""

import math
from collections.abc import Iterator

import numpy as np

from charloop.analysis import Reach
from charloop.report.chart import Plane, axes, figure, number, polyline
from charloop.report.markup import details, paragraph, table
from charloop.report.values import Missing

SHOWN = (0, 1, 2, 5, 10, 20, 50, 99)
"""Distances in the table."""


def reach_section(reach: Reach | Missing, thing: str) -> str:
    """Markup: the influence over distance, on a logarithmic scale."""
    if isinstance(reach, Missing):
        return paragraph(reach.reason, "missing")
    words = in_words(reach, thing)
    share = reach.gradient / reach.gradient.max()
    rows = [(f"{back:,}", f"{share[back]:.2g}") for back in SHOWN if back < len(share)]
    shown = table((f"{thing}s before the last", "influence, the greatest being 1"), rows)
    return (
        f"{figure(lambda width: drawn(reach, width, thing), words)}{paragraph(words, 'words')}"
        f"{details('In figures', shown)}"
    )


def drawn(reach: Reach, width: float, thing: str) -> tuple[float, Iterator[str]]:
    """The figure's height, and what is in it."""
    logarithms = np.log10(np.maximum(reach.gradient, reach.gradient.max() * 1e-8))
    low, high = math.floor(logarithms.min()), math.ceil(logarithms.max() + 1e-9)
    plane = Plane(
        width, 260.0, (0, max(1, len(logarithms) - 1)), (low, max(high, low + 1)), left=58, right=16
    )

    def parts() -> Iterator[str]:
        decades = range(low, max(high, low + 1) + 1, 1 + (high - low) // 7)
        yield from axes(
            *(plane, f"{thing}s before the last one", "influence, nats"),
            ticks_y=[float(decade) for decade in decades],
            named_y=lambda decade: number(10**decade),
        )
        yield polyline(plane, range(len(logarithms)), logarithms.tolist(), "curve")

    return plane.height, parts()


def in_words(reach: Reach, thing: str) -> str:
    """How many characters make up most of the influence."""
    sums = np.cumsum(reach.gradient, dtype=float) / reach.gradient.sum(dtype=float)
    half, most = (int(np.searchsorted(sums, share)) + 1 for share in (0.5, 0.9))
    left = reach.gradient[-1] / max(float(reach.gradient[0]), 1e-30)
    return (
        f"Half of the influence that {len(sums)} {thing}s have on the next one comes from the last {half}, nine "
        f"tenths from the last {most}. The {thing} {len(sums) - 1} before the last has {left:.2g} of the influence "
        "of the last."
    )
