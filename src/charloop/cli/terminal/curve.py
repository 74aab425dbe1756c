"""The training loss so far, drawn in a few rows of a terminal, between the baselines that it passes."""

import math
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

if TYPE_CHECKING:
    from charloop.baselines import Baseline, Baselines

BINS = 240
"""Shares of a run whose losses are averaged: more than a terminal's dots across."""
ROWS, MOST_COLUMNS = 6, 72
LEFT, RIGHT = 7, 14
"""Columns of the axis, and of the baselines' names."""
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""What to add to the empty braille sign for each of its dots, from the top (Unicode 15, chapter 21.1)."""
EMPTY, LINE = "\u2800", "┄"
NEAR = 0.6
"""Bits: a baseline no farther ahead than this is in the picture, to be aimed at."""


@dataclass
class Curve:
    """Mean losses over equal shares of the run."""

    sums: list[float] = field(default_factory=lambda: [0.0] * BINS)
    counts: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, progress: float, nats: float) -> None:
        """A loss in nats per character, when that share of the run was over, 0 to 1."""
        if math.isfinite(nats):
            place = min(int(progress * BINS), BINS - 1)
            self.sums[place] += nats / math.log(2)
            self.counts[place] += 1

    def draw(self, width: int, baselines: "Baselines | None") -> list[Text]:
        """Rows of at most `width` columns; none before there are two points to connect."""
        columns = min(MOST_COLUMNS, width - LEFT - RIGHT)
        points = self.points(2 * columns) if columns > 1 else {}
        if len(points) < 2:
            return []
        entries = list(baselines.entries) if baselines else []
        low, high = span(list(points.values()), entries)
        cells = braille({x: height_of(bits, low, high) for x, bits in points.items()}, columns)
        names = rows_of(entries, low, high)
        return [row_text(row, cells[row], names.get(row), (low, high)) for row in range(ROWS)]

    def points(self, across: int) -> dict[int, float]:
        """Bits per character at each of `across` places between the first and the last that a loss fell on."""
        sums, counts = [0.0] * across, [0] * across
        for place in range(BINS):
            there = place * across // BINS
            sums[there] += self.sums[place]
            counts[there] += self.counts[place]
        known = [x for x, count in enumerate(counts) if count]
        if not known:
            return {}
        means = [sums[x] / counts[x] for x in known]
        between = range(known[0], known[-1] + 1)
        return dict(zip(between, np.interp(between, known, means).tolist(), strict=True))


def span(bits: list[float], entries: "list[Baseline]") -> tuple[float, float]:
    """Lowest and highest bits in the picture: from the next baseline ahead to the unigram, once that is beaten."""
    latest, low, high = bits[-1], min(bits), max(bits)
    unigram = [baseline.bits for baseline in entries if baseline.name == "unigram" and baseline.bits > latest]
    ahead = [baseline.bits for baseline in entries if latest - NEAR < baseline.bits <= low]
    high = min([high, *unigram])
    low = max(ahead, default=low)
    room = max(0.05, (high - low) / 20)
    return low - room, high + room


def height_of(bits: float, low: float, high: float) -> int:
    """The dot's row, counted from the top; what is too high lies at the top."""
    share = (high - bits) / (high - low)
    return min(max(int(share * 4 * ROWS), 0), 4 * ROWS - 1)


def braille(heights: dict[int, int], columns: int) -> list[list[int]]:
    """The dots of each sign, rows from the top, with neighbours connected."""
    cells, before = [[0] * columns for _ in range(ROWS)], None
    for x, y in heights.items():
        for dot in range(
            min(y, y if before is None else before), max(y, y if before is None else before) + 1
        ):
            cells[dot // 4][x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return cells


def rows_of(entries: "list[Baseline]", low: float, high: float) -> "dict[int, Baseline]":
    """The baseline in each row of the picture; the best of those in one."""
    inside = [baseline for baseline in entries if low <= baseline.bits <= high]
    return {
        height_of(baseline.bits, low, high) // 4: baseline
        for baseline in sorted(inside, key=lambda r: r.bits, reverse=True)
    }


def row_text(row: int, cells: list[int], baseline: "Baseline | None", limits: tuple[float, float]) -> Text:
    """One row: axis, curve, and the baseline that crosses it."""
    low, high = limits
    shown = {0: f"{high:.2f}", ROWS - 1: f"{low:.2f}"}.get(row, "bits" if row == ROWS // 2 else "")
    # The style of a Text is that of all that is added to it: a dim curve would be none on many a terminal.
    text = Text(no_wrap=True)
    text.append(f"{shown:>{LEFT - 2}} │", "dim")
    signs = [
        (chr(ord(EMPTY) + cell), "green") if cell else (LINE if baseline else " ", "dim") for cell in cells
    ]
    for style, run in groupby(signs, key=itemgetter(1)):
        text.append("".join(sign for sign, _ in run), style)
    if baseline:
        text.append(f" {baseline.name} {baseline.bits:.2f}", "dim")
    text.rstrip()
    return text
