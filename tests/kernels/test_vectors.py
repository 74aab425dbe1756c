"""The parts of vector code against NumPy, at vectors of 4, 8 and 16 elements and sizes that are multiples of none."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from charloop.kernels.emitting.bfloat16 import count_row_words, emit_bfloat16_pairs, emit_bfloat16_rows
from charloop.kernels.emitting.product import Operands, Panels, emit_product
from charloop.kernels.emitting.tile import RowTiles, split_evenly
from charloop.kernels.emitting.vectors import (
    INDEX,
    INTEGER,
    Emitted,
    Vectors,
    clear,
    copy,
    counting,
    each_vector,
    has_bit,
)
from kernels.direct import MACHINES, NEEDS_BFLOAT16, call_emitted

every_width = pytest.mark.parametrize("width", MACHINES)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@every_width
@pytest.mark.parametrize("size", [1, 3, 16, 21])
def test_a_row_is_copied_and_cleared_to_its_last_element_and_no_further(size: int, width: int) -> None:
    source, target, cleared = (
        noise(size),
        np.full(size + 20, 7, np.float32),
        np.full(size + 20, 7, np.float32),
    )

    def body(v: Vectors, *pointers: Emitted) -> None:
        copy(v, pointers[0], pointers[1], size)
        clear(v, pointers[2], size)

    call_emitted(width, body, source, target, cleared)
    np.testing.assert_array_equal(target, [*source, *[7] * 20])
    np.testing.assert_array_equal(cleared, [*[0] * size, *[7] * 20])


@every_width
@pytest.mark.parametrize(("name", "combine"), [("fadd", np.sum), ("maxnum", np.max)])
def test_elements_are_combined_across_the_vector(name: str, combine: Callable[..., Any], width: int) -> None:
    source, target = noise(width), np.zeros(width, np.float32)

    def body(v: Vectors, source: Emitted, target: Emitted) -> None:
        step = v.builder.fadd if name == "fadd" else lambda a, b: v.call(name, a, b)
        v.store(v.across(v.load(source), step), target)

    call_emitted(width, body, source, target)
    np.testing.assert_allclose(target, [combine(source)] * width, rtol=1e-6, atol=1e-6)
    assert len(set(target.tolist())) == 1


@every_width
def test_a_character_is_limited_to_the_vocabulary(width: int) -> None:
    characters = np.int32([0, 3, 4, 5, -1, 2**31 - 1, -(2**31)])
    found = np.zeros(len(characters), np.int32)

    def body(v: Vectors, characters: Emitted, found: Emitted) -> None:
        with counting(v.builder, len(found_array)) as position:
            index = v.builder.trunc(v.character(characters, position, 5), INTEGER)
            v.builder.store(index, v.at(found, position), align=4)

    found_array = found
    call_emitted(width, body, characters, found)
    assert found.tolist() == [0, 3, 4, 4, 4, 4, 4]


@every_width
def test_a_bit_of_a_flag_is_found(width: int) -> None:
    flags, found = np.int32([0, 1, 2, 3]), np.full(4, -1, np.int32)

    def body(v: Vectors, flags: Emitted, found: Emitted) -> None:
        with counting(v.builder, 4) as position:
            is_set = has_bit(v, v.at(flags, position), 2)
            v.builder.store(v.builder.zext(is_set, INTEGER), v.at(found, position), align=4)

    call_emitted(width, body, flags, found)
    assert found.tolist() == [0, 0, 1, 1]


@every_width
def test_vectors_of_a_row_are_visited_once_each_with_the_remainder_last(width: int) -> None:
    visits = np.zeros(37, np.float32)

    def body(v: Vectors, visits: Emitted) -> None:
        def visit(unit: Emitted, elements: int) -> None:
            here = v.at(visits, unit)
            v.store(v.builder.fadd(v.load(here, elements), v.splat(1.0)), here, elements)

        each_vector(v, 37, visit)

    call_emitted(width, body, visits)
    assert visits.tolist() == [1] * 37


@every_width
@pytest.mark.parametrize(("rows", "depth", "columns"), [(1, 1, 5), (13, 7, 67)])
def test_a_product_with_packed_panels(rows: int, depth: int, columns: int, width: int) -> None:
    left, matrix, start, bias = (
        noise(rows, depth),
        noise(depth, columns),
        noise(rows, columns),
        noise(columns),
    )
    target, panels = np.zeros((rows, columns), np.float32), Panels(depth, columns, MACHINES[width])
    packed = np.asarray(panels.pack(jnp.array(matrix)))
    assert packed.size == panels.packed

    def body(
        v: Vectors, left: Emitted, packed: Emitted, start: Emitted, bias: Emitted, target: Emitted
    ) -> None:
        def row_of(pointer: Emitted, size: int) -> Callable[[Emitted], Emitted]:
            return lambda row: v.at(pointer, v.builder.mul(row, INDEX(size)))

        operands = Operands(
            row_of(left, depth), row_of(start, columns), row_of(target, columns), packed, bias
        )
        emit_product(v, panels, rows, operands)

    call_emitted(width, body, left, packed, start, bias, target)
    np.testing.assert_allclose(target, start + bias + left.astype(np.float64) @ matrix, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("rows", "most"), [(1, 6), (6, 6), (7, 6), (13, 6), (29, 4)])
def test_rows_are_split_into_tiles_as_equal_as_can_be(rows: int, most: int) -> None:
    tiles = [size for _, size, count in split_evenly(rows, most) for _ in range(count)]
    assert sum(tiles) == rows
    assert max(tiles) <= most
    assert max(tiles) - min(tiles) <= 1
    begins = [first + size * i for first, size, count in split_evenly(rows, most) for i in range(count)]
    assert begins == [sum(tiles[:i]) for i in range(len(tiles))]
    found = np.zeros(rows, np.float32)

    def body(v: Vectors, found: Emitted) -> None:
        def tile(first: Emitted, size: int) -> None:
            for i in range(size):
                v.store(v.splat(float(size)), v.at(found, first, i), 1)

        RowTiles.of(v, rows, most).each(v, tile)

    call_emitted(4, body, found)
    assert found.tolist() == [float(size) for size in tiles for _ in range(size)]


def as_words(values: np.ndarray) -> np.ndarray:
    """Numbers rounded to bfloat16, as their 16 bits."""
    return np.asarray(jnp.array(values).astype(jnp.bfloat16)).view(np.uint16)


@NEEDS_BFLOAT16
@every_width
def test_rows_are_rounded_in_pairs_along_a_row_and_across_two(width: int) -> None:
    source, words = noise(3, 5), count_row_words(5, width)
    along, across = np.zeros((3, words), np.uint32), np.zeros((2, 2 * words), np.uint32)

    def body(v: Vectors, source: Emitted, along: Emitted, across: Emitted) -> None:
        emit_bfloat16_rows(v, 3, 5, lambda row: v.at(source, v.builder.mul(row, INDEX(5))), along)
        emit_bfloat16_pairs(v, INDEX(3), 5, source, across)

    call_emitted(width, body, source, along, across)
    padded = np.pad(source, ((0, 1), (0, 2 * words - 5)))
    np.testing.assert_array_equal(along.view(np.uint16), as_words(padded[:3]))
    pairs = np.stack([as_words(padded[0::2]), as_words(padded[1::2])], axis=-1)
    np.testing.assert_array_equal(across.view(np.uint16).reshape(pairs.shape), pairs)
