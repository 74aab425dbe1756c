"""The training loss so far in a few rows of a terminal: the curve of `charloop.figures`, drawn with braille dots."""

import math
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from charloop.figures.curves import NO_POINTS, Curves, Frame, Label, Line, frame_curves, label_baselines

if TYPE_CHECKING:
    from charloop.baselines import Baselines

BINS = 240
"""Equal shares of a run whose losses are averaged: more than the dots in a terminal's row."""
ROWS, MAX_COLUMNS = 6, 72
LEFT, RIGHT = 7, 14
"""Columns of the axis, and of the baselines' names."""
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Offsets of the dots of a braille character from the empty one, by row and column (Unicode 15, chapter 21.1)."""
EMPTY, LINE = "\u2800", "┄"


@dataclass
class Curve:
    """Mean losses over equal shares of the run."""

    sums: list[float] = field(default_factory=lambda: [0.0] * BINS)
    counts: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, progress: float, nats: float) -> None:
        """Add a loss in nats per character, at `progress` (0 to 1) through the run."""
        if math.isfinite(nats):
            index = min(int(progress * BINS), BINS - 1)
            self.sums[index] += nats
            self.counts[index] += 1

    def draw(self, width: int, baselines: "Baselines | None") -> list[Text]:
        """Return rows of at most `width` columns; none before there are two points to connect."""
        columns = min(MAX_COLUMNS, width - LEFT - RIGHT)
        line = self.line(2 * columns) if columns > 1 else NO_POINTS
        if len(line.x) < 2:
            return []
        curves = [Curves("", line, NO_POINTS, baselines)]
        frame = frame_curves(curves, right=2.0 * columns)
        labels = label_baselines(baselines, curves, frame, 1 / ROWS) if baselines else ()
        by_row = {int(frame.depth(label.nats) * ROWS): label for label in labels}
        cells = draw_braille(line, frame, columns)
        return [draw_row(row, cells[row], by_row.get(row), frame) for row in range(ROWS)]

    def line(self, across: int) -> Line:
        """Return the mean loss at each of `across` dots, from the first to the last that a loss fell on."""
        sums, counts = np.zeros(across), np.zeros(across)
        dots = np.arange(BINS) * across // BINS
        np.add.at(sums, dots, self.sums)
        np.add.at(counts, dots, self.counts)
        known = np.flatnonzero(counts)
        if not len(known):
            return NO_POINTS
        between = np.arange(known[0], known[-1] + 1)
        return Line(between.astype(float), np.interp(between, known, sums[known] / counts[known]))


def draw_braille(line: Line, frame: Frame, columns: int) -> list[list[int]]:
    """Return the dots of each character by row and column, with neighbouring points connected."""
    cells, before = [[0] * columns for _ in range(ROWS)], None
    for x, nats in zip(line.x.astype(int).tolist(), line.y.tolist(), strict=True):
        # A loss above the frame lies at its top.
        y = min(max(int(frame.depth(nats) * 4 * ROWS), 0), 4 * ROWS - 1)
        start, stop = sorted((y, y if before is None else before))
        for dot in range(start, stop + 1):
            cells[dot // 4][x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return cells


def draw_row(row: int, cells: list[int], label: Label | None, frame: Frame) -> Text:
    """Return one row: axis, curve, and the baseline in this row, the best one if there are several."""
    edges = {
        0: f"{frame.high / math.log(2):.2f}",
        ROWS - 1: f"{frame.low / math.log(2):.2f}",
        ROWS // 2: "bits",
    }
    # The style of a Text is the style of everything added to it: a dim curve would be invisible on many terminals.
    text = Text(no_wrap=True)
    text.append(f"{edges.get(row, ''):>{LEFT - 2}} │", "dim")
    line = LINE if label else " "
    symbols = [(chr(ord(EMPTY) + cell), "green") if cell else (line, "dim") for cell in cells]
    for style, group in groupby(symbols, key=itemgetter(1)):
        text.append("".join(symbol for symbol, _ in group), style)
    if label:
        text.append(f" {label.entries[0].name} {label.entries[0].bits:.2f}", "dim")
    text.rstrip()
    return text
