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

from charloop.kernels.compiler import emit_handler, named, new_module, register, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.product import even
from charloop.kernels.vectors import INDEX, INTEGER, NOTHING, POINTER, Emitted, Vectors, counting

DEPTH = 256
"""Places summed up before a tile goes back to memory: what they hold of both sides stays near."""


@dataclass(frozen=True)
class Sizes:
    """`[places, rows]` and `[places, columns]` become `[rows, columns]`; the second may have `early` places apart."""

    places: int
    early: int
    rows: int
    columns: int


def weight_gradient(
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    start: Float[Array, "batch columns"] | None = None,
) -> Float[Array, "rows columns"]:
    """The sum of `left[place] right[place]ᵀ`; with `start`, of `right` one time before, which begins with it."""
    time, batch, rows = left.shape
    early = 0 if start is None else batch
    sizes = Sizes(time * batch, early, rows, right.shape[-1])
    result = jax.ShapeDtypeStruct((rows, sizes.columns), jnp.float32)
    first = right[0] if start is None else start
    gradient: Array = xla_call(build_product(sizes), result)(left, first, right)
    return gradient


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
    function = new_function(module, 4)
    left, first, right, target = function.args
    emitter = Summing(Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0]), sizes, target)
    v, later = emitter.v, sizes.places - sizes.early
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
    return finish(module, function, inputs=3)


@dataclass(frozen=True)
class Summing:
    """Emits sums over places into `target`."""

    v: Vectors
    sizes: Sizes
    target: Emitted

    def clear(self) -> None:
        """Nothing is there yet."""
        blocks, over = divmod(self.sizes.rows * self.sizes.columns, self.v.width)
        if blocks:
            with counting(self.v.builder, blocks) as block:
                place = self.v.builder.mul(block, INDEX(self.v.width))
                self.v.store(self.v.splat(0.0), self.v.at(self.target, place))
        if over:
            self.v.store(self.v.splat(0.0), self.v.at(self.target, blocks * self.v.width), over)

    def rows_at(self, left: Emitted, right: Emitted, place: Emitted) -> tuple[Emitted, Emitted]:
        """Both sides from a place on."""
        b = self.v.builder
        return (
            self.v.at(left, b.mul(place, INDEX(self.sizes.rows))),
            self.v.at(right, b.mul(place, INDEX(self.sizes.columns))),
        )

    def block(self, left: Emitted, right: Emitted, depth: int) -> None:
        """`depth` places, tile by tile."""
        tile = shape()[1]
        panel = tile.vectors * self.v.width
        whole, over = divmod(self.sizes.columns, panel)
        if whole:
            with counting(self.v.builder, whole) as number:
                column = self.v.builder.mul(number, INDEX(panel))
                self._panel(left, right, depth, column, [self.v.width] * tile.vectors, tile.rows)
        if over:
            lanes = [min(self.v.width, over - i) for i in range(0, over, self.v.width)]
            self._panel(left, right, depth, INDEX(whole * panel), lanes, tile.rows)

    def _panel(
        self, left: Emitted, right: Emitted, depth: int, column: Emitted, lanes: list[int], most: int
    ) -> None:
        for first, size, count in even(self.sizes.rows, most):
            with counting(self.v.builder, count) as number:
                row = self.v.builder.add(INDEX(first), self.v.builder.mul(number, INDEX(size)))
                self._tile(self.v.at(left, row), self.v.at(right, column), depth, lanes, row, column, size)

    def _tile(
        self,
        left: Emitted,
        right: Emitted,
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
        before = b.block
        with counting(b, depth) as k:
            running = [[b.phi(v.floats) for _ in lanes] for _ in range(size)]
            near = v.at(right, b.mul(k, INDEX(self.sizes.columns)))
            vectors = [v.load(v.at(near, j * v.width), n) for j, n in enumerate(lanes)]
            numbers = v.at(left, b.mul(k, INDEX(self.sizes.rows)))
            for i in range(size):
                number = v.broadcast(v.at(numbers, i))
                for j, vector in enumerate(vectors):
                    after = v.fma(number, vector, running[i][j])
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
        address = b.gep(characters, [place], source_etype=INTEGER)
        character = b.zext(b.load(address, typ=INTEGER, align=4), INDEX)
        last = INDEX(rows - 1)
        character = b.select(b.icmp_unsigned("<", character, last), character, last)
        source = v.at(values, b.mul(place, INDEX(columns)))
        goal = v.at(target, b.mul(character, INDEX(columns)))
        blocks, over = divmod(columns, v.width)
        if blocks:
            with counting(b, blocks) as block:
                column = b.mul(block, INDEX(v.width))
                here = v.at(goal, column)
                v.store(b.fadd(v.load(here), v.load(v.at(source, column))), here)
        if over:
            here = v.at(goal, blocks * v.width)
            v.store(b.fadd(v.load(here, over), v.load(v.at(source, blocks * v.width), over)), here, over)
    b.ret_void()
    return finish(module, function, inputs=2)


def new_function(module: ir.Module, count: int) -> ir.Function:
    """Of so many addresses."""
    return ir.Function(module, ir.FunctionType(NOTHING, [POINTER] * count), "kernel")


def finish(module: ir.Module, function: ir.Function, inputs: int) -> str:
    """Let XLA call it."""
    name = named(module)
    emit_handler(module, name, function, inputs)
    register(module, name)
    return name
