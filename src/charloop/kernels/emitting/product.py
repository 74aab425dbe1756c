"""The matrix product inside the loop, one block of rows and columns at a time in registers."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, UInt32

from charloop.kernels.emitting.tile import RowTiles, Sides, emit_tile
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting
from charloop.kernels.machine import Machine


@dataclass(frozen=True)
class Panels:
    """The memory layout of a matrix of `depth` rows: panels as wide as a tile, one after the other."""

    depth: int
    columns: int
    machine: Machine
    bfloat16: bool = False
    """Whether numbers are rounded to bfloat16 and multiplied in pairs; a pair is a word of a float32's size."""

    @property
    def words(self) -> int:
        """Multiplications per sum: numbers, or pairs of them."""
        return -(-self.depth // 2) if self.bfloat16 else self.depth

    @property
    def panel(self) -> int:
        """Columns of a whole panel."""
        return self.machine.tile.vectors * self.machine.width

    @property
    def whole(self) -> int:
        """Number of whole panels."""
        return self.columns // self.panel

    @property
    def rest(self) -> int:
        """Columns of the last panel, if it is not whole."""
        return self.columns % self.panel

    @property
    def rest_vectors(self) -> int:
        """Vectors of the last panel, if it is not whole."""
        return -(-self.rest // self.machine.width)

    @property
    def packed(self) -> int:
        """Words of the whole matrix."""
        return self.words * (self.whole * self.panel + self.rest_vectors * self.machine.width)

    @property
    def packed_type(self) -> str:
        """Type of the words."""
        return "uint32" if self.bfloat16 else "float32"

    def pack(self, matrix: Float[Array, "depth columns"]) -> Array:
        """Return the matrix in this layout, flat; padding columns are 0."""
        lines = pack_bfloat16_pairs(matrix) if self.bfloat16 else matrix
        edge = self.whole * self.panel
        whole = lines[:, :edge].reshape(self.words, self.whole, self.panel).transpose(1, 0, 2)
        rest = jnp.pad(lines[:, edge:], ((0, 0), (0, self.rest_vectors * self.machine.width - self.rest)))
        return jnp.concatenate([whole.ravel(), rest.ravel()])


def pack_bfloat16_pairs(matrix: Float[Array, "depth columns"]) -> UInt32[Array, "words columns"]:
    """Round two rows at a time to bfloat16 and interleave them into words; a missing last row is 0."""
    even_depth = jnp.pad(matrix.astype(jnp.bfloat16), ((0, len(matrix) % 2), (0, 0)))
    apart = even_depth.reshape(-1, 2, matrix.shape[1]).transpose(0, 2, 1)
    return lax.bitcast_convert_type(apart, jnp.uint32)


@dataclass(frozen=True)
class Operands:
    """Addresses by batch row."""

    left: Callable[[Emitted], Emitted]
    """Numbers; with bfloat16 panels, pairs of them (`emit_bfloat16_rows`)."""
    start: Callable[[Emitted], Emitted]
    """The initial values of the sums."""
    target: Callable[[Emitted], Emitted]
    packed: Emitted
    bias: Emitted | None = None
    """Added to every row's start."""


def emit_product(v: Vectors, panels: Panels, rows: Emitted | int, operands: Operands) -> None:
    """Emit `target[row] = start[row] + left[row] matrix`, panel by panel: a panel stays in the cache for all rows."""
    tiles = RowTiles.of(v, rows, panels.machine.tile.rows)
    if panels.whole:
        with counting(v.builder, panels.whole) as number:
            column = v.builder.mul(number, INDEX(panels.panel))
            packed = v.at(operands.packed, v.builder.mul(column, INDEX(panels.words)))
            _panel(v, panels, tiles, operands, packed, column, [v.width] * panels.machine.tile.vectors)
    if panels.rest:
        edge = panels.whole * panels.panel
        elements = [min(v.width, panels.rest - i * v.width) for i in range(panels.rest_vectors)]
        packed = v.at(operands.packed, edge * panels.words)
        _panel(v, panels, tiles, operands, packed, INDEX(edge), elements)


def _panel(
    v: Vectors,
    panels: Panels,
    tiles: RowTiles,
    operands: Operands,
    packed: Emitted,
    column: Emitted,
    elements: list[int],
) -> None:
    """Multiply all rows by one panel."""
    b = v.builder
    offsets = [(b.add(column, INDEX(j * v.width)), n) for j, n in enumerate(elements)]

    def read(pointer: Emitted) -> list[Emitted]:
        return [v.load(v.at(pointer, offset), n) for offset, n in offsets]

    def tile(first: Emitted, size: int) -> None:
        rows = [b.add(first, INDEX(i)) for i in range(size)]
        sums = [read(operands.start(row)) for row in rows]
        if operands.bias is not None:
            bias = read(operands.bias)
            sums = [[b.fadd(*pair) for pair in zip(line, bias, strict=True)] for line in sums]
        left = [operands.left(row) for row in rows]
        sides = Sides(
            number=lambda i, k: v.at(left[i], k),
            # Zeros pad the last panel, so whole vectors can be read.
            vector=lambda k, j: v.at(packed, b.mul(k, INDEX(len(elements) * v.width)), j * v.width),
            in_pairs=panels.bfloat16,
        )
        for row, line in zip(rows, emit_tile(v, sums, panels.words, sides), strict=True):
            for (offset, n), result in zip(offsets, line, strict=True):
                v.store(result, v.at(operands.target(row), offset), n)

    tiles.each(v, tile)
