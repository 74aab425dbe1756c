"""A block of rows and columns summed up in registers: the innermost loop of every product."""

from collections.abc import Callable
from dataclasses import dataclass

from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting

Sums = list[list[Emitted]]
"""By row, by vector of columns."""


@dataclass(frozen=True)
class Sides:
    """Where a tile's numbers lie at step `k` of the sum."""

    number: Callable[[int, Emitted], Emitted]
    """The address of row i's number at k."""
    vector: Callable[[Emitted, int], Emitted]
    """The address of the j-th vector at k."""
    elements: list[int] | None = None
    """Numbers of each vector that are there; None where all are, beyond the columns too."""
    in_pairs: bool = False
    """Whether each number is a pair of bfloat16 numbers."""


def emit_tile(v: Vectors, sums: Sums, depth: Emitted | int, sides: Sides) -> Sums:
    """`sums[i][j] + sum over k of number(i, k) vector(k, j)`; `depth` is at least 1."""
    b, before = v.builder, v.builder.block
    multiply = v.fma_bfloat16_pairs if sides.in_pairs else v.fma
    columns = range(len(sums[0]))
    elements = sides.elements or [v.width for _ in columns]
    with counting(b, depth) as k:
        running = [[b.phi(v.floats) for _ in columns] for _ in sums]
        vectors = [v.load(sides.vector(k, j), elements[j]) for j in columns]
        after = []
        for i, line in enumerate(running):
            number = v.broadcast(sides.number(i, k))
            after.append([multiply(number, vectors[j], line[j]) for j in columns])
        for phis, starts, ends in zip(running, sums, after, strict=True):
            for phi, start, end in zip(phis, starts, ends, strict=True):
                phi.add_incoming(start, before)
                phi.add_incoming(end, b.block)
    return after


@dataclass(frozen=True)
class RowTiles:
    """`count` rows in tiles of at most `most`, as equal as can be; the count may be known at run time only."""

    count: Emitted
    tiles: Emitted
    small: Emitted
    larger: Emitted
    most: int

    @classmethod
    def of(cls, v: Vectors, count: Emitted | int, most: int) -> "RowTiles":
        """Emits the division, once for all panels."""
        b, count = v.builder, INDEX(count) if isinstance(count, int) else count
        tiles = b.udiv(b.add(count, INDEX(most - 1)), INDEX(most))
        return cls(count, tiles, b.udiv(count, tiles), b.urem(count, tiles), most)

    def each(self, v: Vectors, body: Callable[[Emitted, int], None]) -> None:
        """`body(first row, rows)` for each tile; its code is there once for each size a tile may have."""
        b = v.builder
        with counting(b, self.tiles) as number:
            is_large = b.icmp_unsigned("<", number, self.larger)
            extra = b.select(is_large, number, self.larger)
            first = b.add(b.mul(number, self.small), extra)
            size = b.add(self.small, b.zext(is_large, INDEX))
            done = b.append_basic_block()
            switch = b.switch(size, done)
            for rows in range(1, self.most + 1):
                case = b.append_basic_block()
                switch.add_case(INDEX(rows), case)
                b.position_at_end(case)
                body(first, rows)
                b.branch(done)
            b.position_at_end(done)


def split_evenly(rows: int, most: int) -> list[tuple[int, int, int]]:
    """`rows` in tiles of at most `most`, as equal as can be: where each size begins, the size, how many."""
    tiles = -(-rows // most)
    small, larger = divmod(rows, tiles)
    found = [(0, small + 1, larger), ((small + 1) * larger, small, tiles - larger)]
    return [entry for entry in found if entry[2]]
