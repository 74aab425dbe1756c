"""Emit the sum of outer products over many positions: a weight matrix's gradient."""

from dataclasses import dataclass

from charloop.engines.row_flags import RESET
from charloop.kernels.emitting.bfloat16 import count_row_words, emit_bfloat16_pairs
from charloop.kernels.emitting.tile import Sides, emit_tile, split_evenly
from charloop.kernels.emitting.vectors import (
    INDEX,
    INTEGER,
    Emitted,
    Vectors,
    clear,
    copy,
    counting,
    each_block,
    each_vector,
    has_bit,
)
from charloop.kernels.machine import Machine

BLOCK_POSITIONS = 256
"""Positions summed before a tile's sums return to memory, so that both sides stay in the cache."""


@dataclass(frozen=True)
class Fresh:
    """What replaces the right side at a reset."""

    row: Emitted
    copied: Emitted
    """Scratch memory for a block of the right side with such rows in it."""


@dataclass(frozen=True)
class OuterProductSum:
    """Emits `[positions, rows]` and `[positions, columns]` to `[rows, columns]`, and the sum of the first to
    `[rows]`.
    """

    v: Vectors
    machine: Machine
    rows: int
    columns: int
    target: Emitted
    total: Emitted
    """Where the left side alone is summed."""
    workspace: Emitted | None
    """Memory for a block of both sides in bfloat16, if products are of bfloat16 numbers."""
    fresh: Fresh | None = None
    """Present with row flags."""

    def clear(self) -> None:
        """Set the sums to 0."""
        clear(self.v, self.target, self.rows * self.columns)
        clear(self.v, self.total, self.rows)

    def add(self, left: Emitted, right: Emitted, positions: Emitted, flags: Emitted | None = None) -> None:
        """Add at least one position, a block at a time; `flags` has one element per position."""
        b = self.v.builder
        with each_block(self.v, positions, BLOCK_POSITIONS) as (first, depth):
            read = self.v.at(right, b.mul(first, INDEX(self.columns)))
            if self.fresh is not None:
                read = self._emptied(self.fresh, read, self.v.at(flags, first), depth)
            self._block(self.v.at(left, b.mul(first, INDEX(self.rows))), read, depth)

    def _emptied(self, fresh: Fresh, right: Emitted, flags: Emitted, depth: Emitted) -> Emitted:
        """Return the right side's address; if a position of the block is reset, that of a copy with fresh rows."""
        v, b = self.v, self.v.builder
        before = b.block
        with counting(b, depth) as position:
            seen = b.phi(INTEGER)
            now = b.or_(seen, b.load(v.at(flags, position), typ=INTEGER, align=4))
            seen.add_incoming(INTEGER(0), before)
            seen.add_incoming(now, b.block)
        found = b.icmp_unsigned("!=", b.and_(now, INTEGER(RESET)), INTEGER(0))
        with b.if_then(found), counting(b, depth) as position:
            offset = b.mul(position, INDEX(self.columns))
            row = b.select(has_bit(v, v.at(flags, position), RESET), fresh.row, v.at(right, offset))
            copy(v, row, v.at(fresh.copied, offset), self.columns)
        return b.select(found, fresh.copied, right)

    def _block(self, left: Emitted, right: Emitted, depth: Emitted) -> None:
        """Add `depth` positions, tile by tile."""
        strides = self.rows, self.columns
        self._add_up(left, depth)
        if self.workspace is not None:
            left, right, strides, depth = self._pairs(self.workspace, left, right, depth)
        tile, width = self.machine.tile, self.v.width
        panel = tile.vectors * width
        whole, over = divmod(self.columns, panel)
        if whole:
            with counting(self.v.builder, whole) as number:
                column = self.v.builder.mul(number, INDEX(panel))
                self._panel(left, right, strides, depth, column, [width] * tile.vectors)
        if over:
            elements = [min(width, over - i) for i in range(0, over, width)]
            self._panel(left, right, strides, depth, INDEX(whole * panel), elements)

    def _add_up(self, left: Emitted, depth: Emitted) -> None:
        """Add the left side's positions to its sum."""
        v = self.v

        def column(unit: Emitted, elements: int) -> None:
            goal = v.at(self.total, unit)
            start, before = v.load(goal, elements), v.builder.block
            with counting(v.builder, depth) as position:
                running = v.builder.phi(v.floats)
                row = v.at(left, v.builder.mul(position, INDEX(self.rows)))
                after = v.builder.fadd(running, v.load(v.at(row, unit), elements))
                running.add_incoming(start, before)
                running.add_incoming(after, v.builder.block)
            v.store(after, goal, elements)

        each_vector(v, self.rows, column)

    def _pairs(
        self, workspace: Emitted, left: Emitted, right: Emitted, depth: Emitted
    ) -> tuple[Emitted, Emitted, tuple[int, int], Emitted]:
        """Round both sides to bfloat16 pairs of two positions; return their addresses, strides and number."""
        v, b = self.v, self.v.builder
        strides = 2 * count_row_words(self.rows, v.width), 2 * count_row_words(self.columns, v.width)
        pairs = b.udiv(b.add(depth, INDEX(1)), INDEX(2))
        second = v.at(workspace, BLOCK_POSITIONS // 2 * strides[0])
        emit_bfloat16_pairs(v, depth, self.rows, left, workspace)
        emit_bfloat16_pairs(v, depth, self.columns, right, second)
        return workspace, second, strides, pairs

    def _panel(
        self,
        left: Emitted,
        right: Emitted,
        strides: tuple[int, int],
        depth: Emitted,
        column: Emitted,
        elements: list[int],
    ) -> None:
        """Add `depth` positions to the columns from `column` on, tile by tile."""
        v, b = self.v, self.v.builder
        for start, size, count in split_evenly(self.rows, self.machine.tile.rows):
            with counting(b, count) as number:
                row = b.add(INDEX(start), b.mul(number, INDEX(size)))
                rows, vectors = v.at(left, row), v.at(right, column)
                first = b.add(b.mul(row, INDEX(self.columns)), column)
                positions = [
                    [v.at(self.target, first, i * self.columns + j * v.width) for j in range(len(elements))]
                    for i in range(size)
                ]
                sums = [[v.load(*pair) for pair in zip(line, elements, strict=True)] for line in positions]
                sides = Sides(
                    number=lambda i, k: v.at(rows, b.mul(k, INDEX(strides[0])), i),  # noqa: B023
                    vector=lambda k, j: v.at(vectors, b.mul(k, INDEX(strides[1])), j * v.width),  # noqa: B023
                    elements=elements,
                    in_pairs=self.workspace is not None,
                )
                for line, results in zip(positions, emit_tile(v, sums, depth, sides), strict=True):
                    for position, n, result in zip(line, elements, results, strict=True):
                        v.store(result, position, n)


def count_workspace_words(rows: int, columns: int, width: int) -> int:
    """Return how many words a block of both sides takes in bfloat16."""
    return BLOCK_POSITIONS * (count_row_words(rows, width) + count_row_words(columns, width))
