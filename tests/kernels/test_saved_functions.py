"""What is saved for the backward pass: equal values, computed once less; nothing that two functions read."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.gated import GatedCell
from cells.runs import assert_same
from charloop.cells import CELLS, make_cell
from charloop.kernels import registry, step_programs
from charloop.kernels.engine import Kernels
from charloop.kernels.step_programs import trace_cell, trace_parts
from charloop.unroll.fused import fused
from choosing import slow
from kernels.test_sizes import SKIP, problem, pull_unrolling

LSTM = {0: "logistic", 1: "logistic", 2: "tanh", 3: "logistic"}


@dataclass(frozen=True)
class Twice(GatedCell):
    """Its first gate is read by two functions, its second by one, its third by none that is expensive."""

    gates: ClassVar[int] = 3

    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:  # noqa: ARG002
        first, second, third = jnp.split(from_input + from_state, 3, axis=-1)
        hidden = jnp.tanh(first) * jax.nn.sigmoid(first) + jnp.tanh(second) + 0.1 * third**2
        return {"hidden": hidden}, hidden


@pytest.mark.parametrize(
    ("name", "saved"), [("lstm", LSTM), ("rnn", {0: "tanh"}), ("gru", {}), ("ln-lstm", {}), (SKIP, LSTM)]
)
def test_which_functions_are_saved(name: str, saved: dict[int, str]) -> None:
    programs = trace_cell(make_cell(CELLS, name, 9))
    assert programs.saved_functions == saved
    after = [programs.backward.operations[r].name for r in programs.backward.needed]
    before = [programs.traced_backward.operations[r].name for r in programs.traced_backward.needed]
    for function in ("tanh", "logistic"):
        assert before.count(function) - after.count(function) == list(saved.values()).count(function)


def test_a_gate_with_two_readers_is_saved_itself() -> None:
    assert trace_cell(Twice(5)).saved_functions == {1: "tanh"}


@pytest.mark.parametrize("name", ["rnn", slow(SKIP), slow("lstm")])
def test_saving_functions_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell, given, characters, weights = problem(name, 21, 5, 4, lookup=False)

    def gradients() -> Any:
        trace_parts.cache_clear()
        monkeypatch.setattr(registry, "_entries", {})
        return quick_jit(partial(pull_unrolling, partial(fused, engine=Kernels()), cell, False))(
            given, characters, weights
        )

    found = gradients()
    monkeypatch.setattr(step_programs, "choose_saved_functions", lambda *_: {})
    plain = gradients()
    trace_parts.cache_clear()
    assert_same(found, plain)
    assert np.isfinite(jax.tree.leaves(found)[0]).all()
