"""Sum a block of rows and columns in registers: the innermost loop of every product."""

from collections.abc import Callable
from dataclasses import dataclass

from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting

Sums = list[list[Emitted]]
"""By row, by vector of columns."""


@dataclass(frozen=True)
class Sides:
    """Addresses of a tile's numbers at step `k` of the sum."""

    number: Callable[[int, Emitted], Emitted]
    """Returns the address of row i's number at k."""
    vector: Callable[[Emitted, int], Emitted]
    """Returns the address of the j-th vector at k."""
    elements: list[int] | None = None
    """Valid elements of each vector; None if all are, padding included."""
    in_pairs: bool = False
    """Whether each number is a pair of bfloat16 numbers."""


def emit_tile(v: Vectors, sums: Sums, depth: Emitted | int, sides: Sides) -> Sums:
    """Return `sums[i][j] + sum over k of number(i, k) vector(k, j)`; `depth` is at least 1."""
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
    """`count` rows in tiles of at most `most`, as equal as possible; the count may be a run-time value."""

    count: Emitted
    tiles: Emitted
    small: Emitted
    larger: Emitted
    most: int

    @classmethod
    def of(cls, v: Vectors, count: Emitted | int, most: int) -> "RowTiles":
        """Emit the division, once for all panels."""
        b, count = v.builder, INDEX(count) if isinstance(count, int) else count
        tiles = b.udiv(b.add(count, INDEX(most - 1)), INDEX(most))
        return cls(count, tiles, b.udiv(count, tiles), b.urem(count, tiles), most)

    def each(self, v: Vectors, body: Callable[[Emitted, int], None]) -> None:
        """Emit `body(first row, rows)` for each tile; the code exists once for each possible tile size."""
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
    """Split `rows` into tiles of at most `most`, as equal as possible: for each size its first row, the size, the
    count.
    """
    tiles = -(-rows // most)
    small, larger = divmod(rows, tiles)
    found = [(0, small + 1, larger), ((small + 1) * larger, small, tiles - larger)]
    return [entry for entry in found if entry[2]]
