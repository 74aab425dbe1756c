"""Gradients that are sums over all places of the text: of a weight matrix, and of the rows of a table.

XLA's library makes the first at half of the machine's rate where layers are small, and the second as a product with
ones and zeros.
"""

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from llvmlite import ir

from charloop.kernels.compiler import callable_by_xla, new_function, new_module, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.halves import emit_pairs, row_words
from charloop.kernels.product import even
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting, each_vector
from charloop.precision import halved

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


def weight_gradient(
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    start: Float[Array, "batch columns"] | None = None,
) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
    """The sum of `left[place] right[place]ᵀ`, and of `left[place]`: a bias's gradient.

    With `start`, of `right` one time before, which begins with it.
    """
    time, batch, rows = left.shape
    early = 0 if start is None else batch
    sizes = Sizes(time * batch, early, rows, right.shape[-1], halved())
    shapes = (rows, sizes.columns), (rows,)
    results = [jax.ShapeDtypeStruct(size, jnp.float32) for size in shapes]
    results += [jax.ShapeDtypeStruct((sizes.room,), jnp.float32)] if sizes.halves else []
    first = right[0] if start is None else start
    gradient, total, *_ = xla_call(build_product(sizes), results)(left, first, right)
    return gradient, total


def table_gradient(
    values: Float[Array, "time batch columns"], characters: Int[Array, "time batch"], rows: int
) -> Float[Array, "rows columns"]:
    """The sum of `values` over each character's places."""
    columns = values.shape[-1]
    result = jax.ShapeDtypeStruct((rows, columns), jnp.float32)
    empty = jnp.zeros(result.shape)
    kernel = xla_call(
        build_rows(characters.size, rows, columns),
        result,
        input_output_aliases={2: 0},
    )
    gradient: Array = kernel(values, characters, empty)
    return gradient


@cache
def build_product(sizes: Sizes) -> str:
    """The name of the kernel that sums up products of two rows."""
    module = new_module()
    function = new_function(module, 5 + sizes.halves)
    left, first, right, target, total, *room = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    emitter = Summing(v, sizes, target, total, room[0] if room else None)
    later = sizes.places - sizes.early
    emitter.clear()
    if sizes.early:
        emitter.block(left, first, sizes.early)
    rest = v.at(left, sizes.early * sizes.rows)
    blocks, over = divmod(later, DEPTH)
    if blocks:
        with counting(v.builder, blocks) as number:
            place = v.builder.mul(number, INDEX(DEPTH))
            emitter.block(*emitter.rows_at(rest, right, place), DEPTH)
    if over:
        emitter.block(*emitter.rows_at(rest, right, INDEX(blocks * DEPTH)), over)
    v.builder.ret_void()
    return callable_by_xla(module, function, inputs=3)


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


@cache
def build_rows(places: int, rows: int, columns: int) -> str:
    """The name of the kernel that adds each place's row to its character's."""
    module = new_module()
    function = new_function(module, 3)
    values, characters, target = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    b = v.builder
    with counting(b, places) as place:
        character = v.character(characters, place, rows)
        source = v.at(values, b.mul(place, INDEX(columns)))
        goal = v.at(target, b.mul(character, INDEX(columns)))

        def add(column: Emitted, lanes: int, source: Emitted = source, goal: Emitted = goal) -> None:
            here = v.at(goal, column)
            v.store(b.fadd(v.load(here, lanes), v.load(v.at(source, column), lanes)), here, lanes)

        each_vector(v, columns, add)
    b.ret_void()
    return callable_by_xla(module, function, inputs=2)
