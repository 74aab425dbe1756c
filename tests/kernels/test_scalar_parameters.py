"""Parameters that are one number for the whole layer, and states that may not be."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.gated import GatedCell
from cells.runs import assert_close
from charloop.kernels.engine import Kernels
from charloop.kernels.plan import reason_against_cell
from charloop.unroll import scan
from charloop.unroll.fused import fused
from choosing import slow


@dataclass(frozen=True)
class Leaky(GatedCell):
    """How much is kept is one learned number, of shape () or (1,)."""

    axes: int = 0
    gates: ClassVar[int] = 1

    def init(self, key: Any, input_size: int) -> Any:
        return super().init(key, input_size) | {"keep": jnp.full((1,) * self.axes, 0.3)}

    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:
        hidden = params["keep"] * state["hidden"] + jnp.tanh(from_input + from_state)
        return {"hidden": hidden}, hidden


@dataclass(frozen=True)
class Counting(Leaky):
    """One number for each batch row beside its units."""

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size) | {"count": jnp.zeros((batch_size, 1))}

    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:
        new, output = super().combine(params, from_input, from_state, state)
        return new | {"count": state["count"] + 1}, output


@pytest.mark.parametrize("axes", [0, 1])
@pytest.mark.parametrize("hidden", [slow(1), 9, slow(40)])
def test_one_number_is_learned_by_all_units(hidden: int, axes: int) -> None:
    cell, random = Leaky(hidden, axes), np.random.default_rng(0)
    params, inputs = cell.init(jax.random.key(0), 3), jnp.array(random.normal(size=(4, 2, 3)), np.float32)
    assert reason_against_cell(cell) is None

    def loss(way: Any, params: Any) -> Any:
        return (way(cell, params, inputs, cell.initial_state(2))[1] ** 2).sum()

    ways = partial(fused, engine=Kernels()), scan
    found, expected = (quick_jit(jax.grad(partial(loss, way)))(params) for way in ways)
    assert found["keep"].shape == (1,) * axes
    assert_close(found, expected, tolerance=1e-4)


def test_a_state_of_one_number_per_batch_row_has_no_kernel() -> None:
    assert "whose last axis is not a multiple of the layer's units" in (
        reason_against_cell(Counting(9)) or ""
    )
