"""Sums over all positions against NumPy's in float64, at sizes that are not multiples of the vector width."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.engines.row_flags import IDLE, RESET
from charloop.kernels.dense import multiply_dense
from charloop.kernels.gradient import PreviousStates, sum_table_gradient, sum_weight_gradient
from charloop.kernels.machine import Machine
from kernels.direct import SIZES


def noise(*shape: int) -> jax.Array:
    return jnp.array(np.random.default_rng(sum(shape)).normal(size=shape), np.float32)


def close(found: object, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("time", "batch", "rows", "columns", "machine"), SIZES)
def test_a_weights_gradient_is_the_sum_of_products(
    time: int, batch: int, rows: int, columns: int, machine: Machine
) -> None:
    left, right, start = noise(time, batch, rows), noise(time, batch, columns), noise(batch, columns)
    earlier, fresh = np.concatenate([start[None], right[:-1]]), noise(columns)
    flags = (
        np.random.default_rng(0)
        .choice([0, RESET, IDLE], (time, batch), p=[0.98, 0.01, 0.01])
        .astype(np.int32)
    )
    flags[-1, -1] = RESET
    emptied = np.where((flags == RESET)[..., None], fresh, earlier)
    cases = (
        (None, right),
        (PreviousStates(start), earlier),
        (PreviousStates(start, jnp.array(flags), fresh), emptied),
    )
    for before, read in cases:
        expected = np.einsum("tbr,tbc->rc", np.float64(left), np.float64(read))
        to_weight, to_bias = jax.jit(partial(sum_weight_gradient, machine))(left, right, before)
        close(to_weight, expected)
        close(to_bias, np.float64(left).sum((0, 1)))


@pytest.mark.parametrize(("time", "batch", "rows", "columns", "machine"), SIZES)
def test_a_tables_gradient_is_the_sum_over_each_characters_positions(
    time: int, batch: int, rows: int, columns: int, machine: Machine
) -> None:
    values = noise(time, batch, columns)
    characters = jnp.array(np.random.default_rng(0).integers(0, rows, (time, batch)), np.int32)
    expected = np.zeros((rows, columns))
    np.add.at(expected, np.ravel(characters), np.float64(values).reshape(-1, columns))
    close(sum_table_gradient(machine, values, characters, rows), expected)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("time", "batch", "rows", "columns", "machine"), SIZES)
def test_a_product_over_all_times_and_its_gradients(
    time: int, batch: int, rows: int, columns: int, biased: bool, machine: Machine
) -> None:
    inputs, weight, to_product = noise(time, batch, columns), noise(rows, columns), noise(time, batch, rows)
    bias = noise(rows) if biased else None
    found, back = jax.vjp(partial(multiply_dense, machine), inputs, weight, bias)
    close(
        found,
        np.einsum("tbc,rc->tbr", np.float64(inputs), np.float64(weight))
        + (np.float64(bias) if biased else 0),
    )
    to_inputs, to_weight, to_bias = back(to_product)
    close(to_inputs, np.einsum("tbr,rc->tbc", np.float64(to_product), np.float64(weight)))
    close(to_weight, np.einsum("tbr,tbc->rc", np.float64(to_product), np.float64(inputs)))
    if biased:
        close(to_bias, np.float64(to_product).sum((0, 1)))
    else:
        assert to_bias is None
