"""Emits the sum, over many places, of products of two rows: a weight matrix's gradient."""

from dataclasses import dataclass

from charloop.kernels.compiler import shape
from charloop.kernels.halves import emit_pairs, row_words
from charloop.kernels.product import even
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting, each_vector

DEPTH = 256
"""Places summed up before a tile goes back to memory: what they hold of both sides stays near."""


@dataclass(frozen=True)
class Sizes:
    """`[places, rows]` and `[places, columns]` become `[rows, columns]`; the second may have `early` places apart."""

    places: int
    early: int
    rows: int
    columns: int
    halves: bool = False

    @property
    def room(self) -> int:
        """Words that a block of both sides takes as halves."""
        width, pairs = shape()[0], -(-min(self.places, DEPTH) // 2)
        return pairs * 2 * (row_words(self.rows, width) + row_words(self.columns, width))


@dataclass(frozen=True)
class Summing:
    """Emits sums over places into `target`."""

    v: Vectors
    sizes: Sizes
    target: Emitted
    total: Emitted
    """Where the left side by itself is summed up."""
    room: Emitted | None
    """Where a block of both sides lies as halves."""

    def clear(self) -> None:
        """Nothing is there yet."""
        v, sizes = self.v, self.sizes
        for goal, size in ((self.target, sizes.rows * sizes.columns), (self.total, sizes.rows)):

            def clear(place: Emitted, lanes: int, goal: Emitted = goal) -> None:
                v.store(v.splat(0.0), v.at(goal, place), lanes)

            each_vector(v, size, clear)

    def rows_at(self, left: Emitted, right: Emitted, place: Emitted) -> tuple[Emitted, Emitted]:
        """Both sides from a place on."""
        b = self.v.builder
        return (
            self.v.at(left, b.mul(place, INDEX(self.sizes.rows))),
            self.v.at(right, b.mul(place, INDEX(self.sizes.columns))),
        )

    def block(self, left: Emitted, right: Emitted, depth: int) -> None:
        """`depth` places, tile by tile."""
        strides = self.sizes.rows, self.sizes.columns
        self._add_up(left, depth)
        if self.room is not None:
            left, right, strides, depth = self._halves(left, right, depth)
        tile = shape()[1]
        panel = tile.vectors * self.v.width
        whole, over = divmod(self.sizes.columns, panel)
        if whole:
            with counting(self.v.builder, whole) as number:
                column = self.v.builder.mul(number, INDEX(panel))
                self._panel(left, right, strides, depth, column, [self.v.width] * tile.vectors, tile.rows)
        if over:
            lanes = [min(self.v.width, over - i) for i in range(0, over, self.v.width)]
            self._panel(left, right, strides, depth, INDEX(whole * panel), lanes, tile.rows)

    def _add_up(self, left: Emitted, depth: int) -> None:
        """The left side's places, added to their sum."""
        v = self.v

        def column(unit: Emitted, lanes: int) -> None:
            goal = v.at(self.total, unit)
            start, before = v.load(goal, lanes), v.builder.block
            with counting(v.builder, depth) as place:
                running = v.builder.phi(v.floats)
                row = v.at(left, v.builder.mul(place, INDEX(self.sizes.rows)))
                after = v.builder.fadd(running, v.load(v.at(row, unit), lanes))
                running.add_incoming(start, before)
                running.add_incoming(after, v.builder.block)
            v.store(after, goal, lanes)

        each_vector(v, self.sizes.rows, column)

    def _halves(
        self, left: Emitted, right: Emitted, depth: int
    ) -> tuple[Emitted, Emitted, tuple[int, int], int]:
        """Both sides as pairs of two places each, how far apart these lie, and how many there are."""
        v, sizes = self.v, self.sizes
        strides = 2 * row_words(sizes.rows, v.width), 2 * row_words(sizes.columns, v.width)
        pairs = -(-depth // 2)
        second = v.at(self.room, pairs * strides[0])
        emit_pairs(v, depth, sizes.rows, left, self.room)
        emit_pairs(v, depth, sizes.columns, right, second)
        return self.room, second, strides, pairs

    def _panel(
        self,
        left: Emitted,
        right: Emitted,
        strides: tuple[int, int],
        depth: int,
        column: Emitted,
        lanes: list[int],
        most: int,
    ) -> None:
        for first, size, count in even(self.sizes.rows, most):
            with counting(self.v.builder, count) as number:
                row = self.v.builder.add(INDEX(first), self.v.builder.mul(number, INDEX(size)))
                ends = self.v.at(left, row), self.v.at(right, column)
                self._tile(*ends, strides, depth, lanes, row, column, size)

    def _tile(
        self,
        left: Emitted,
        right: Emitted,
        strides: tuple[int, int],
        depth: int,
        lanes: list[int],
        row: Emitted,
        column: Emitted,
        size: int,
    ) -> None:
        v, b = self.v, self.v.builder
        first = b.add(b.mul(row, INDEX(self.sizes.columns)), column)
        places = [
            [v.at(self.target, first, i * self.sizes.columns + j * v.width) for j in range(len(lanes))]
            for i in range(size)
        ]
        sums = [[v.load(place, n) for place, n in zip(line, lanes, strict=True)] for line in places]
        multiply = v.fma if self.room is None else v.fma_of_pairs
        before = b.block
        with counting(b, depth) as k:
            running = [[b.phi(v.floats) for _ in lanes] for _ in range(size)]
            near = v.at(right, b.mul(k, INDEX(strides[1])))
            vectors = [v.load(v.at(near, j * v.width), n) for j, n in enumerate(lanes)]
            numbers = v.at(left, b.mul(k, INDEX(strides[0])))
            for i in range(size):
                number = v.broadcast(v.at(numbers, i))
                for j, vector in enumerate(vectors):
                    after = multiply(number, vector, running[i][j])
                    running[i][j].add_incoming(sums[i][j], before)
                    running[i][j].add_incoming(after, b.block)
                    sums[i][j] = after
        for line, results in zip(places, sums, strict=True):
            for place, n, result in zip(line, lanes, results, strict=True):
                v.store(result, place, n)
