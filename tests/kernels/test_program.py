"""What tracing makes of a step: phases, what waits between them, and reasons where there is no rule."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import pytest

from cells.gated import GatedCell
from cells.table import CASES
from charloop.kernels import reason_against_kernel
from charloop.kernels.plan import reason_against_cell
from charloop.kernels.step_programs import trace_cell
from charloop.kernels.tracing.program import REDUCTIONS
from charloop.kernels.tracing.rules import RULES


def cell_of(rule: Any, hidden: int = 6) -> GatedCell:
    """A cell of one gate whose new state is `rule(gates, state)`."""

    @dataclass(frozen=True)
    class Odd(GatedCell):
        gates: ClassVar[int] = 1

        def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:  # noqa: ARG002
            hidden = rule(from_input + from_state, state["hidden"])
            return {"hidden": hidden}, hidden

    return Odd(hidden)


def six_means(row: Any) -> Any:
    """As long as the row, and no row: numbers of the whole row, one by one."""
    return jnp.concatenate([row.mean(-1, keepdims=True)] * 6, axis=-1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_every_cell_gets_a_kernel(case: Any) -> None:
    assert reason_against_kernel(case.build()) is None


@pytest.mark.parametrize("label", ["rnn", "lstm", "gru", "ln-lstm"])
def test_only_normalisation_needs_a_second_look_at_a_row(label: str) -> None:
    (case,) = (case for case in CASES if case.label == label)
    traced = trace_cell(case.build())
    names = [traced.forward.operations[i].name for i in traced.forward.needed]
    # The mean, then the variance about it.
    assert len(traced.forward.schedule) == (3 if label == "ln-lstm" else 1)
    assert (sum(name in REDUCTIONS for name in names) > 0) == (label == "ln-lstm")


def test_an_expensive_row_is_kept_and_a_cheap_one_recomputed() -> None:
    def rule(gates: Any, state: Any) -> Any:
        expensive, cheap = jnp.tanh(gates), gates * 2 + state
        return expensive / expensive.sum(-1, keepdims=True) + cheap / cheap.sum(-1, keepdims=True)

    program = trace_cell(cell_of(rule)).forward
    assert [program.operations[i].name for i in program.buffered] == ["tanh"]


def test_equal_operations_are_computed_once() -> None:
    program = trace_cell(cell_of(lambda gates, _: jnp.tanh(gates) * jnp.tanh(gates))).forward
    assert [program.operations[i].name for i in program.needed].count("tanh") == 1


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (lambda g, h: jnp.cumsum(g, axis=-1) + h, "cumsum has no rule"),
        (lambda g, h: jnp.sort(g) + h, "sort has no rule"),
        (lambda g, h: g + h @ jnp.ones((6, 6)), "dot_general has no rule"),
        (lambda g, h: g * jnp.array([1.0, 2, 3, 4, 5, 6]) + h, "make it a parameter"),
        (
            lambda g, h: jnp.concatenate([g[..., 3:], h[..., :3]], axis=-1),
            "through the middle of a gate's block",
        ),
        (lambda g, h: g[..., ::-1] + h, "rev has no rule"),
        (
            lambda g, h: g.astype(jnp.int32).astype(jnp.float32) + h,
            "convert_element_type of int32 has no rule",
        ),
        (lambda g, h: g.astype(jnp.bfloat16).astype(jnp.float32) + h, "bfloat16 has no rule"),
        (lambda g, h: jnp.where((g > 0) == (h > 0), g, h), "eq of booleans has no rule"),
        (lambda g, h: jnp.concatenate([g, h], axis=-1), "a shape that the contract of a cell does not allow"),
        (lambda g, h: six_means(g) + 0 * h, "mixes rows and scalars"),
        (lambda g, _: six_means(g), "is assembled from scalars"),
    ],
)
def test_an_operation_without_a_rule_is_named(rule: Any, why: str) -> None:
    assert why in (reason_against_cell(cell_of(rule)) or "")


def test_a_rule_that_loses_a_row_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "slice", lambda _, value, **__: value)
    cell = cell_of(lambda g, h: jnp.concatenate([g, h], axis=-1)[..., :6])
    assert reason_against_cell(cell) == "slice: an array of shape [6] mixes rows and scalars"


def test_without_its_compiler_xla_runs_the_cell_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from charloop.kernels import availability
    from charloop.unroll import choose_unrolling

    monkeypatch.setattr(availability, "find_spec", lambda _: None)
    cell = cell_of(lambda g, h: g + h, hidden=5)
    availability.reason_against_kernel.cache_clear()
    name, why = choose_unrolling("fused", cell)
    availability.reason_against_kernel.cache_clear()
    assert name == "xla"
    assert (
        why
        == "Odd has no kernel: llvmlite is not installed (pip install llvmlite); XLA's loop runs it, which is slower"
    )
