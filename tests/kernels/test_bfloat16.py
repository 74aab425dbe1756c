"""Products of bfloat16 numbers: the operands are rounded, and nothing else."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_close
from charloop.cells import CELLS, make_cell
from charloop.kernels.dense import multiply_packed
from charloop.kernels.emitting.product import Panels, pack_bfloat16_pairs
from charloop.kernels.engine import Kernels
from charloop.kernels.gradient import PreviousStates, sum_weight_gradient
from charloop.kernels.machine import Machine, Tile
from charloop.precision import use_precision
from charloop.unroll.fused import fused
from choosing import mostly_slow, slow
from kernels.direct import MACHINES, NEEDS_BFLOAT16, SIZES
from kernels.test_sizes import problem, pull_unrolling

pytestmark = NEEDS_BFLOAT16


@pytest.fixture(params=mostly_slow(MACHINES, lambda width: width == 16))
def machine(request: pytest.FixtureRequest) -> Machine:
    """Of each width."""
    return MACHINES[request.param]


def noise(*shape: int) -> jax.Array:
    return jnp.array(np.random.default_rng(sum(shape)).normal(size=shape), np.float32)


def rounded(values: Any) -> np.ndarray:
    return np.asarray(jnp.array(values).astype(jnp.bfloat16).astype(jnp.float32), np.float64)


def in_bfloat16(function: Any, *given: Any) -> Any:
    """Compiled with products in bfloat16."""

    def call(*given: Any) -> Any:
        with use_precision("bfloat16"):
            return function(*given)

    return jax.jit(call)(*given)


def differs(found: Any, float32: Any) -> bool:
    """Else the switch was never on."""
    return bool(np.abs(np.asarray(found) - np.asarray(float32)).max() > 1e-4)


@pytest.mark.parametrize(("time", "batch", "rows", "columns", "machine"), SIZES)
def test_a_weights_gradient_is_of_rounded_numbers(
    time: int, batch: int, rows: int, columns: int, machine: Machine
) -> None:
    left, right, start = noise(time, batch, rows), noise(time, batch, columns), noise(batch, columns)
    before = np.concatenate([start[None], right[:-1]])
    for given, read in (((left, right), right), ((left, right, PreviousStates(start)), before)):
        found, total = in_bfloat16(partial(sum_weight_gradient, machine), *given)
        expected = np.einsum("tbr,tbc->rc", rounded(left), rounded(read))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(total, np.float64(left).sum((0, 1)), rtol=1e-5, atol=1e-4)
        assert differs(found, sum_weight_gradient(machine, *given)[0])


@pytest.mark.parametrize(("time", "batch", "depth", "columns", "machine"), SIZES)
def test_a_product_is_of_rounded_numbers(
    time: int, batch: int, depth: int, columns: int, machine: Machine
) -> None:
    left, matrix, start = noise(time, batch, depth), noise(depth, columns), noise(columns)
    found = in_bfloat16(partial(multiply_packed, machine), left, matrix, start)
    expected = np.einsum("tbd,dc->tbc", rounded(left), rounded(matrix)) + np.float64(start)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert differs(found, multiply_packed(machine, left, matrix, start))


@pytest.mark.parametrize("hidden", mostly_slow((1, 17, 100), lambda hidden: hidden == 17))
def test_a_step_reads_a_rounded_state(hidden: int, machine: Machine) -> None:
    """The first: later ones may round a number up that another sum rounds down."""
    cell, (params, source, state), *_ = problem("lstm", hidden, 7, 2, lookup=False)
    _, found = in_bfloat16(partial(fused, cell, engine=Kernels(machine)), params, source, state)
    near = {name: rounded(params[name]) for name in ("weight_ih", "weight_hh")}
    given = {**params, **near}, rounded(source[0]), {**state, "hidden": rounded(state["hidden"])}
    _, expected = cell.step(*jax.tree.map(lambda leaf: jnp.array(leaf, jnp.float32), given))
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", mostly_slow(("lstm", "gru", "ln-lstm"), lambda name: name == "lstm"))
def test_a_sequence_and_its_gradients_are_near_those_of_float32(name: str, machine: Machine) -> None:
    """bfloat16 keeps 8 bits: sums of a few dozen products are within a few hundredths."""
    lookup = machine.width == 8
    cell, given, characters, weights = problem(name, 37, 5, 4, lookup)
    program = partial(pull_unrolling, partial(fused, engine=Kernels(machine)), cell, lookup)
    float32 = quick_jit(program)(given, characters, weights)
    found = in_bfloat16(program, given, characters, weights)
    assert_close(found, float32, tolerance=0.05)
    assert differs(jax.tree.leaves(found)[0], jax.tree.leaves(float32)[0])


@pytest.mark.parametrize("poison", [np.nan, slow(np.inf), slow(-np.inf)])
def test_values_that_are_not_finite_stay_not_finite(poison: float, machine: Machine) -> None:
    cell, (params, source, state), *_ = problem("lstm", 18, 3, 4, lookup=False)
    source[1, 1, 0] = poison
    _, found = in_bfloat16(partial(fused, cell, engine=Kernels(machine)), params, source, state)
    _, expected = quick_jit(partial(fused, cell, engine=Kernels(machine)))(params, source, state)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


def test_packed_pairs_hold_two_rows_in_a_word() -> None:
    matrix = jnp.arange(1.0, 1 + 3 * 5).reshape(3, 5)
    words = np.asarray(pack_bfloat16_pairs(matrix)).view(np.uint16).reshape(2, 5, 2)
    values = (words.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(values[0, :, 0], matrix[0])
    np.testing.assert_array_equal(values[0, :, 1], matrix[1])
    np.testing.assert_array_equal(values[1], np.stack([matrix[2], np.zeros(5)], -1))
    assert Panels(3, 5, Machine(4, Tile(6, 2)), bfloat16=True).pack(matrix).size == 2 * 8


def test_a_program_of_one_precision_is_not_taken_for_the_other(machine: Machine) -> None:
    """The choice is JAX's: a program compiled in one is not taken for the other."""
    cell = make_cell(CELLS, "rnn", 9)
    params, inputs = cell.init(jax.random.key(0), 9), noise(2, 3, 9)
    program = jax.jit(partial(fused, cell, engine=Kernels(machine)))
    plain = program(params, inputs, cell.initial_state(3))
    with use_precision("bfloat16"):
        bfloat16 = program(params, inputs, cell.initial_state(3))
    again = program(params, inputs, cell.initial_state(3))
    assert differs(bfloat16[1], plain[1])
    np.testing.assert_array_equal(plain[1], again[1])
