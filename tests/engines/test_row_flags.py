"""Resets and lengths: encoded and applied as a loop over batch rows and time steps does."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from charloop.cells import CELLS, make_cell
from charloop.engines.row_flags import (
    IDLE,
    RESET,
    apply_resets,
    are_idle,
    are_reset,
    encode_row_flags,
    select_rows,
    step_with_flags,
)

TIME, BATCH = 4, 3
RESETS = arrays.arrays(np.int32, (TIME, BATCH), elements=st.integers(0, 2))
LENGTHS = arrays.arrays(np.int32, BATCH, elements=st.integers(0, TIME + 2))


@settings(deadline=None)
@given(st.none() | RESETS, st.none() | LENGTHS)
def test_flags_are_those_of_a_loop_over_rows_and_times(
    resets: np.ndarray | None, lengths: np.ndarray | None
) -> None:
    found = encode_row_flags(
        TIME,
        BATCH,
        None if resets is None else jnp.array(resets),
        None if lengths is None else jnp.array(lengths),
    )
    if found is None:
        assert resets is lengths is None
        return
    for time in range(TIME):
        for row in range(BATCH):
            is_over = lengths is not None and time >= lengths[row]
            is_reset = resets is not None and resets[time, row] != 0 and not is_over
            assert (bool(are_idle(found)[time, row]), bool(are_reset(found)[time, row])) == (
                is_over,
                is_reset,
            )


def test_without_resets_and_lengths_there_are_no_flags() -> None:
    assert encode_row_flags(TIME, BATCH, None, None) is None
    state = {"hidden": jnp.ones((2, 5))}
    assert apply_resets(make_cell(CELLS, "rnn", 5), state, None) is state


def test_rows_are_selected_in_leaves_of_any_rank() -> None:
    rows = jnp.array([True, False])
    found = select_rows(
        rows, {"a": jnp.ones(2), "b": jnp.ones((2, 3, 4))}, {"a": jnp.zeros(2), "b": jnp.zeros((2, 3, 4))}
    )
    assert found["a"].tolist() == [1, 0]
    assert (found["b"][0] == 1).all()
    assert (found["b"][1] == 0).all()


@pytest.mark.parametrize("flag", [None, [0, RESET, IDLE]], ids=["no flags", "each flag"])
def test_a_step_with_flags_is_the_step_of_each_row_on_its_own(flag: list[int] | None) -> None:
    cell, random = make_cell(CELLS, "lstm", 5), np.random.default_rng(0)
    params = cell.init(jax.random.key(0), 2)
    inputs = jnp.array(random.normal(size=(3, 2)), jnp.float32)
    state = jax.tree.map(
        lambda leaf: jnp.array(random.normal(size=leaf.shape), leaf.dtype), cell.initial_state(3)
    )
    flags = None if flag is None else jnp.array(flag, jnp.int32)
    found = step_with_flags(cell, params, inputs, state, flags)
    for row, one in enumerate(flag or [0, 0, 0]):
        own: Any = jax.tree.map(lambda leaf, row=row: leaf[row : row + 1], state)
        before = cell.initial_state(1) if one == RESET else own
        expected = cell.step(params, inputs[row : row + 1], before)
        if one == IDLE:
            expected = own, jnp.zeros((1, 5))
        for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(left[row], right[0], rtol=1e-5, atol=1e-6)
