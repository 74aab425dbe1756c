"""Resets and lengths inside a chunk: every unrolling against rows that are split there and run alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_close, values_and_gradients
from cells.table import CASES, HIDDEN, RUNS, Case
from charloop.cells import Cell
from charloop.unroll import UNROLLINGS
from choosing import mostly_slow

TIME, BATCH, INPUT = 6, 3, 4
RESETS = np.zeros((TIME, BATCH), bool)
RESETS[[0, 2, 3, 5], [0, 0, 1, 0]] = True
RESETS[4, 2] = True  # Beyond that row's end: nothing happens.
LENGTHS = np.array([6, 5, 0], np.int32)


def problem(case: Case) -> tuple[Any, Any]:
    cell, random = case.build(), np.random.default_rng(3)

    def noise(leaf: Any) -> jax.Array:
        return jnp.array(random.normal(size=leaf.shape), jnp.float32)

    shapes = jax.eval_shape(lambda: cell.init(jax.random.key(0), INPUT))
    params = jax.tree.map(lambda leaf: 0.5 * noise(leaf), shapes)
    state = jax.tree.map(noise, cell.initial_state(BATCH))
    inputs = noise(np.zeros((TIME, BATCH, INPUT)))
    weights = jax.tree.map(noise, (state, np.zeros((TIME, BATCH, HIDDEN))))
    return (params, inputs, state), weights


def run_apart(cell: Cell, params: Any, inputs: jax.Array, state: Any) -> Any:
    """The slow reference: each batch row by itself, one time step at a time."""
    rows, step = [], jax.jit(cell.step)
    for row in range(BATCH):
        memory, outputs = jax.tree.map(lambda leaf, row=row: leaf[row : row + 1], state), []
        for time in range(TIME):
            if time >= LENGTHS[row]:
                outputs.append(jnp.zeros(HIDDEN))
                continue
            memory = cell.initial_state(1) if RESETS[time, row] else memory
            memory, output = step(params, inputs[time, row][None], memory)
            outputs.append(output[0])
        rows.append((memory, jnp.stack(outputs)))
    last = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *[memory for memory, _ in rows])
    return last, jnp.stack([outputs for _, outputs in rows], axis=1)


@pytest.mark.parametrize(
    "case",
    mostly_slow(CASES, lambda case: case.label == "lstm"),
    ids=lambda case: case.label,
)
def test_each_unrolling_equals_rows_run_alone(case: Case) -> None:
    given, weights = problem(case)
    expected = quick_jit(partial(values_and_gradients, partial(run_apart, case.build())))(given, weights)
    names = [run.unrolling for run in RUNS if run.case == case]
    for name in names:

        def way(*given: Any, name: str = name) -> Any:
            return UNROLLINGS[name](*given, resets=jnp.array(RESETS), lengths=jnp.array(LENGTHS))

        found = quick_jit(partial(values_and_gradients, partial(way, case.build())))(given, weights)
        assert_close(found, expected, tolerance=3e-5)


@pytest.mark.parametrize("name", UNROLLINGS)
def test_resets_alone_and_lengths_alone_change_what_they_should(name: str) -> None:
    case = Case("gru")
    given, _ = problem(case)
    plain, reset, cut = (
        UNROLLINGS[name](case.build(), *given, **marks)[1]
        for marks in ({}, {"resets": jnp.array(RESETS)}, {"lengths": jnp.array(LENGTHS)})
    )
    np.testing.assert_allclose(reset[:2, 1], plain[:2, 1], atol=1e-6)
    assert np.abs(reset[3, 1] - plain[3, 1]).max() > 1e-3
    np.testing.assert_allclose(cut[:5, 1], plain[:5, 1], atol=1e-6)
    assert not np.any(cut[5, 1])
    assert not np.any(cut[:, 2])
