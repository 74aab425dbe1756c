"""`dynamic` with a length for each batch row: values, gradients, compilations and cost."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells import runs
from cells.compiling import quick_jit
from cells.runs import ONE_LAYER, TIME, arguments, assert_close, assert_same, cotangents
from cells.table import CASES, HIDDEN, Case, Run
from charloop.cells.rnn import RNN
from charloop.unroll import dynamic
from choosing import mostly_slow

BATCH_ROWS = 3
RAGGED = np.int32([2, 0, TIME])
every_cell = pytest.mark.parametrize(
    "case",
    mostly_slow(CASES, lambda case: case.label in ("gru", "lstm", "SkipLSTM")),
    ids=lambda case: case.label,
    scope="module",
)
traces: list[str] = []


def given(case):
    (some, _), weights = (
        arguments(case, ONE_LAYER, batch=BATCH_ROWS),
        cotangents(case, ONE_LAYER, batch=BATCH_ROWS),
    )
    (params,), (state,), (to_outputs, (to_state,)) = some["layers"], some["states"], weights
    return (params, some["source"], state), (to_state, to_outputs)


@cache
def program(case):
    """Return values and gradients; each trace is recorded."""

    @quick_jit
    def run(some, weights, lengths):
        traces.append(case.label)
        value, back = jax.vjp(lambda *some: dynamic(case.build(), *some, lengths=lengths), *some)
        return value, back(weights)

    return run


def take_row(tree, index, axis):
    """One batch row of it, still with a batch axis."""
    return jax.tree.map(lambda leaf: np.take(leaf, [index], axis), tree)


def alone(case, index, length):
    """One batch row alone, cut to its length, run by `scan`: values and gradients."""
    (params, inputs, state), (to_state, to_outputs) = given(case)
    some = {
        "layers": [params],
        "source": take_row(inputs, index, 1)[:length],
        "states": [take_row(state, index, 0)],
    }
    weights = take_row(to_outputs, index, 1)[:length], [take_row(to_state, index, 0)]
    run, characters = runs.program(Run(case, "scan"), ONE_LAYER), np.zeros((length, 1), np.int32)
    (outputs, (last,)), back = run(some, characters, weights)
    return (last, outputs), (back["layers"][0], back["source"], back["states"][0])


@every_cell
def test_a_row_is_as_if_run_alone_and_stopped(case):
    """Outputs up to the row's length and then 0, its last state and gradients; the weights' gradients are summed."""
    some, weights = given(case)
    (state, outputs), (to_params, to_inputs, to_state) = program(case)(some, weights, RAGGED)
    summed = jax.tree.map(np.zeros_like, to_params)
    for index, length in enumerate(RAGGED):
        assert not np.any(outputs[length:, index])
        assert not np.any(to_inputs[length:, index])
        if not length:
            assert_same(jax.device_get(take_row(state, index, 0)), take_row(some[2], index, 0))
            assert_same(jax.device_get(take_row(to_state, index, 0)), take_row(weights[0], index, 0))
            continue
        (end, until_end), (own_params, own_inputs, own_state) = alone(case, index, length)
        assert_close(take_row((state, to_state), index, 0), (end, own_state))
        assert_close(take_row((outputs, to_inputs), index, 1), (padded(until_end), padded(own_inputs)))
        summed = jax.tree.map(np.add, summed, own_params)
    assert_close(to_params, summed)


def padded(values):
    return np.concatenate([values, np.zeros((TIME - len(values), *values.shape[1:]))])


@every_cell
def test_one_program_serves_all_lengths(case):
    some, weights = given(case)
    program(case)(some, weights, RAGGED)
    before = traces.copy()
    assert case.label in before
    for lengths in ([0, 3, 1], [0, 0, 0], [TIME, TIME, TIME]):
        program(case)(some, weights, np.int32(lengths))
    assert traces == before


@every_cell
def test_full_lengths_equal_no_lengths(case):
    some, weights = given(case)
    whole = program(case)(some, weights, np.int32([TIME, TIME, TIME]))
    # Without lengths nothing is masked: another program, rounded otherwise.
    assert_close(program(case)(some, weights, None), whole)


def test_the_cost_depends_on_the_longest_row():
    """Counted in a Python loop; one more call determines the output's shape."""
    calls = []

    class Counted(RNN):
        def step(self, *given):
            calls.append(1)
            return super().step(*given)

    (params, inputs, state), _ = jax.tree.map(jnp.array, given(Case("rnn")))
    for lengths in ([2, 0, 1], [0, 0, 0], [3, 3, 4]):
        calls.clear()
        with jax.disable_jit():
            dynamic(Counted(HIDDEN), params, inputs, state, lengths=jnp.array(lengths))
        assert len(calls) == 1 + max(lengths)


@every_cell
def test_nothing_after_the_longest_row_is_read(case):
    """Not even a NaN, neither forward nor backward."""
    (params, inputs, state), weights = given(case)
    beyond = np.where(np.arange(TIME)[:, None, None] < 3, inputs, np.nan)
    poisoned = program(case)((params, beyond, state), weights, np.int32([3, 0, 1]))
    assert_same(poisoned, program(case)((params, inputs, state), weights, np.int32([3, 0, 1])))
