"""Which unrolling runs a cell: the registry, and what happens to a cell that does not fit."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import pytest

from cells.table import CASES
from charloop import CharLM, ModelConfig
from charloop.cells import Cell, linear
from charloop.errors import CharloopError
from charloop.unroll import UNROLLINGS, Lookup, choose_unrolling, find_unrolling, gather_features


@dataclass(frozen=True)
class Counts(Cell):
    """A cell whose step needs a batch axis."""

    gates: ClassVar[int] = 1

    def step(self, params, inputs, state):
        hidden = jnp.tanh(linear(params, "ih", inputs) + linear(params, "hh", state["hidden"]))
        return {"hidden": jnp.flip(jnp.flip(hidden, axis=1), axis=1)}, hidden


@pytest.mark.parametrize("name", UNROLLINGS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_cell_runs_in_the_requested_unrolling(case, name):
    assert choose_unrolling(name, case.build()) == (name, None)


def test_a_step_that_needs_a_batch_axis_is_scanned_with_the_reason():
    for asked in ("fused", "xla"):
        name, why = choose_unrolling(asked, Counts(3))
        assert name == "scan"
        assert (
            "scan runs Counts, which is slower: its step fails on a single row without a batch axis (" in why
        )
        assert "\n" not in why
    for other in UNROLLINGS.keys() - {"fused", "xla"}:
        assert choose_unrolling(other, Counts(3)) == (other, None)
    config = ModelConfig(cell=Counts, num_layers=1, hidden_size=3, embed_size=0)
    model = CharLM.build(config, 5)
    params = model.init(jax.random.key(0))
    logits, _ = model.apply(params, jnp.zeros((4, 2), jnp.int32), model.initial_state(2))
    assert jnp.isfinite(logits).all()


@pytest.mark.parametrize("ask", [find_unrolling, lambda name: choose_unrolling(name, CASES[0].build())])
def test_an_unknown_unrolling_is_refused_with_the_nearest(ask):
    with pytest.raises(CharloopError, match=r"unknown unrolling: got 'fussed'.*did you mean 'fused'"):
        ask("fussed")


def test_a_lookup_becomes_its_rows():
    table, characters = jnp.arange(6.0).reshape(3, 2), jnp.array([[2, 0]])
    assert gather_features(Lookup(table, characters)).tolist() == [[[4.0, 5.0], [0.0, 1.0]]]
    inputs = jnp.ones((1, 2, 3))
    assert gather_features(inputs) is inputs
