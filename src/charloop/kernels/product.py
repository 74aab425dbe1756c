"""The loop's matrix product, a block of rows and columns at a time in registers."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, UInt32

from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting


@dataclass(frozen=True)
class Tile:
    """How many rows, and vectors of columns, are summed up at once: as many as registers hold."""

    rows: int
    vectors: int


@dataclass(frozen=True)
class Panels:
    """How a matrix of `depth` rows lies in memory: panels of a tile's columns, one after the other."""

    depth: int
    columns: int
    width: int
    tile: Tile
    halves: bool = False
    """Whether numbers are rounded to bfloat16 and multiplied in pairs; two of them are a word, of a number's size."""

    @property
    def words(self) -> int:
        """How many multiplications make a sum: numbers, or pairs of them."""
        return -(-self.depth // 2) if self.halves else self.depth

    @property
    def panel(self) -> int:
        """Columns of a whole panel."""
        return self.tile.vectors * self.width

    @property
    def whole(self) -> int:
        """Whole panels."""
        return self.columns // self.panel

    @property
    def rest(self) -> int:
        """Columns of the last panel, if it is not whole."""
        return self.columns % self.panel

    @property
    def rest_vectors(self) -> int:
        """Vectors of the last panel."""
        return -(-self.rest // self.width)

    def pack(self, matrix: Float[Array, "depth columns"]) -> Array:
        """The matrix as the product reads it, one word after the other; columns that are not there are 0."""
        lines = pairs(matrix) if self.halves else matrix
        edge = self.whole * self.panel
        whole = lines[:, :edge].reshape(self.words, self.whole, self.panel).transpose(1, 0, 2)
        rest = jnp.pad(lines[:, edge:], ((0, 0), (0, self.rest_vectors * self.width - self.rest)))
        return jnp.concatenate([whole.ravel(), rest.ravel()])


def pairs(matrix: Float[Array, "depth columns"]) -> UInt32[Array, "words columns"]:
    """Two rows, rounded to bfloat16, in one row of words; the last row's other half is 0 if there is none."""
    even_depth = jnp.pad(matrix.astype(jnp.bfloat16), ((0, len(matrix) % 2), (0, 0)))
    apart = even_depth.reshape(-1, 2, matrix.shape[1]).transpose(0, 2, 1)
    return lax.bitcast_convert_type(apart, jnp.uint32)


@dataclass(frozen=True)
class Operands:
    """Addresses by batch row."""

    left: Callable[[Emitted], Emitted]
    """Numbers, or where the panels are of halves pairs of them (`emit_halves`)."""
    start: Callable[[Emitted], Emitted]
    """What the sums begin with."""
    target: Callable[[Emitted], Emitted]
    packed: Emitted
    bias: Emitted | None = None
    """Added to every row's start."""


def emit_product(v: Vectors, panels: Panels, rows: int, operands: Operands) -> None:
    """`target[row] = start[row] + left[row] matrix`, panel by panel, so that a panel stays near while rows pass."""
    if panels.whole:
        with counting(v.builder, panels.whole) as number:
            column = v.builder.mul(number, INDEX(panels.panel))
            packed = v.at(operands.packed, v.builder.mul(column, INDEX(panels.words)))
            _panel(v, panels, rows, operands, packed, column, [v.width] * panels.tile.vectors)
    if panels.rest:
        edge = panels.whole * panels.panel
        lanes = [min(v.width, panels.rest - i * v.width) for i in range(panels.rest_vectors)]
        packed = v.at(operands.packed, edge * panels.words)
        _panel(v, panels, rows, operands, packed, INDEX(edge), lanes)


def _panel(
    v: Vectors,
    panels: Panels,
    rows: int,
    operands: Operands,
    packed: Emitted,
    column: Emitted,
    lanes: list[int],
) -> None:
    """All rows against one panel."""
    for first, size, count in even(rows, panels.tile.rows):
        with counting(v.builder, count) as number:
            row = v.builder.add(INDEX(first), v.builder.mul(number, INDEX(size)))
            _tile(v, panels, size, operands, packed, column, lanes, row)


def even(rows: int, most: int) -> list[tuple[int, int, int]]:
    """`rows` in tiles of at most `most`, as equal as can be: where each size begins, the size, how many."""
    tiles = -(-rows // most)
    small, larger = divmod(rows, tiles)
    found = [(0, small + 1, larger), ((small + 1) * larger, small, tiles - larger)]
    return [entry for entry in found if entry[2]]


def _tile(
    v: Vectors,
    panels: Panels,
    size: int,
    operands: Operands,
    packed: Emitted,
    column: Emitted,
    lanes: list[int],
    first: Emitted,
) -> None:
    b = v.builder
    rows = [b.add(first, INDEX(i)) for i in range(size)]
    offsets = [b.add(column, INDEX(j * v.width)) for j in range(len(lanes))]
    starts = [
        [v.load(v.at(operands.start(row), offset), n) for offset, n in zip(offsets, lanes, strict=True)]
        for row in rows
    ]
    if operands.bias is not None:
        bias = [v.load(v.at(operands.bias, offset), n) for offset, n in zip(offsets, lanes, strict=True)]
        starts = [[b.fadd(*pair) for pair in zip(line, bias, strict=True)] for line in starts]
    left = [operands.left(row) for row in rows]
    before = b.block
    multiply = v.fma_of_pairs if panels.halves else v.fma
    with counting(b, panels.words) as k:
        sums = [[b.phi(v.floats) for _ in lanes] for _ in rows]
        here = v.at(packed, b.mul(k, INDEX(len(lanes) * v.width)))
        weights = [v.load(v.at(here, j * v.width)) for j in range(len(lanes))]
        for i in range(size):
            number = v.broadcast(v.at(left[i], k))
            for j, weight in enumerate(weights):
                after = multiply(number, weight, sums[i][j])
                sums[i][j].add_incoming(starts[i][j], before)
                sums[i][j].add_incoming(after, b.block)
                starts[i][j] = after
    for row, results in zip(rows, starts, strict=True):
        for offset, n, result in zip(offsets, lanes, results, strict=True):
            v.store(result, v.at(operands.target(row), offset), n)
