"""The flat list of equations: it computes what the function computes, and knows what depends on what."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.cells import linear, product
from charloop.engines.equations import Equation, Trace, is_product, moving_values

PARAMS = {"weight_ih": jnp.linspace(-1, 1, 6).reshape(3, 2), "bias_ih": jnp.array([0.1, 0.2, 0.3])}
X = jnp.array([0.5, -2.0])


def deep(x: Any) -> Any:
    """A product inside two calls, a call without a product, and a constant array."""

    @jax.jit
    def inner(x: Any) -> Any:
        return jax.checkpoint(partial(linear, PARAMS, "ih"))(x) * jnp.float32(2)

    return jax.jit(lambda value: jnp.tanh(value) + 1)(inner(x)), product(x, jnp.array([[1.0, 2.0]]))


def trace_of(function: Any, *arguments: Any) -> tuple[Trace, tuple[int, ...], list[int]]:
    trace = Trace()
    inputs = trace.number(len(arguments))
    return trace, inputs, trace.follow(jax.make_jaxpr(function)(*arguments), inputs)


def test_the_equations_compute_what_the_function_computes() -> None:
    trace, inputs, results = trace_of(deep, X)
    known = dict(trace.constants) | dict(zip(inputs, [X], strict=True))
    for equation in trace.equations:
        made = equation.apply([known[value] for value in equation.inputs])
        known |= zip(equation.outputs, made, strict=True)
    for result, expected in zip(results, deep(X), strict=True):
        np.testing.assert_allclose(known[result], expected, rtol=1e-6)


def test_calls_with_a_product_are_inlined_and_others_are_not() -> None:
    trace, _, _ = trace_of(deep, X)
    calls = [
        e.traced
        for e in trace.equations
        if e.traced.primitive.name in ("jit", "pjit", "remat2", "checkpoint")
    ]
    assert [is_product(call) for call in calls].count(True) == 2
    assert [is_product(call) for call in calls].count(False) == 1, "tanh(value) + 1"


def test_each_value_has_a_number_of_its_own() -> None:
    trace, inputs, _ = trace_of(deep, X)
    made = [*inputs, *trace.constants, *(value for equation in trace.equations for value in equation.outputs)]
    assert sorted(made) == list(range(trace.count))


def test_a_function_that_returns_its_argument_has_no_equations() -> None:
    trace, inputs, results = trace_of(lambda x, y: (y, x, 3.0), X, X)
    assert results[:2] == [inputs[1], inputs[0]]
    assert trace.constants[results[2]] == 3.0
    assert trace.equations == []


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 99), max_size=3), max_size=12), st.sets(st.integers(0, 2), max_size=3)
)
def test_what_moves_is_what_can_be_reached(choices: list[list[int]], beginnings: set[int]) -> None:
    """Against paths followed backwards from each value; each equation reads any values before it."""
    trace = Trace()
    trace.number(3)
    reads: dict[int, list[int]] = {}
    for choice in choices:
        inputs = tuple(number % trace.count for number in choice)
        (made,) = trace.number(1)
        trace.equations.append(Equation(SimpleNamespace(), inputs, (made,)))
        reads[made] = list(inputs)

    def depends(value: int) -> bool:
        return value in beginnings or any(map(depends, reads.get(value, [])))

    assert moving_values(trace, beginnings) == {value for value in range(trace.count) if depends(value)}
