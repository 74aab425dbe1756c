"""What is kept for the way back: the same numbers, made once less; and nothing that is read in two ways."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.gated import TickCell
from cells.runs import assert_same
from charloop.cells import CELLS, make_cell
from charloop.kernels import plan, registry
from charloop.kernels.engine import Kernels
from charloop.kernels.step_programs import programs_for, programs_of
from charloop.unroll.fused import run
from choosing import slow
from kernels.test_sizes import SKIP, problem, pulled

LSTM = {0: "logistic", 1: "logistic", 2: "tanh", 3: "logistic"}


@dataclass(frozen=True)
class Twice(TickCell):
    """Its first gate is read by two functions, its second by one, its third by none that is dear."""

    gates: ClassVar[int] = 3

    def tick(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:  # noqa: ARG002
        first, second, third = jnp.split(from_input + from_state, 3, axis=-1)
        hidden = jnp.tanh(first) * jax.nn.sigmoid(first) + jnp.tanh(second) + 0.1 * third**2
        return {"hidden": hidden}, hidden


@pytest.mark.parametrize(
    ("name", "kept"), [("lstm", LSTM), ("rnn", {0: "tanh"}), ("gru", {}), ("ln-lstm", {}), (SKIP, LSTM)]
)
def test_what_is_kept(name: str, kept: dict[int, str]) -> None:
    tick = programs_for(make_cell(CELLS, name, 9))
    assert tick.kept == kept
    dear = [tick.backward.operations[r].name for r in tick.backward.needed]
    before = [tick.plain_backward.operations[r].name for r in tick.plain_backward.needed]
    for function in ("tanh", "logistic"):
        assert before.count(function) - dear.count(function) == list(kept.values()).count(function)


def test_a_gate_that_is_read_in_two_ways_is_kept_itself() -> None:
    assert programs_for(Twice(5)).kept == {1: "tanh"}


@pytest.mark.parametrize("name", ["rnn", SKIP, slow("lstm")])
def test_keeping_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell, given, characters, weights = problem(name, 21, 5, 4, lookup=False)

    def gradients() -> Any:
        programs_of.cache_clear()
        monkeypatch.setattr(registry, "_entries", {})
        return quick_jit(partial(pulled, partial(run, Kernels()), cell, False))(given, characters, weights)

    found = gradients()
    monkeypatch.setattr(plan, "choose_kept", lambda *_: {})
    plain = gradients()
    programs_of.cache_clear()
    assert_same(found, plain)
    assert np.isfinite(jax.tree.leaves(found)[0]).all()
