"""Every rule of the tracer: its program, interpreted in NumPy and emitted at each width, against JAX itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from charloop.kernels.emitting.functions import FUNCTIONS as EMITTED
from charloop.kernels.tracing.program import REDUCTIONS, Operation, Program
from charloop.kernels.tracing.rewriting import drop_zero_results
from charloop.kernels.tracing.rules import ELEMENTWISE, RULES, Builder
from charloop.kernels.tracing.trace import trace_program
from choosing import mostly_slow
from kernels.direct import MACHINES, row_function
from kernels.twin import FUNCTIONS, interpret

HIDDEN = 5


def softmax(x: Any) -> Any:
    raised = jnp.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def normal(x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def blocks_of(gates: Any) -> Any:
    return gates.reshape(3, HIDDEN)


RULES_USED = {
    "arithmetic": lambda g, h, _: (g[:5] + h) * (g[5:10] - 2.0 * h) / (3.0 + h * h),
    "integer_pow": lambda g, h, _: g[:5] ** 3 + h**-2 + g[5:10] ** 0,
    "convert": lambda g, h, _: (g[:5] > h).astype(jnp.float32) + h,
    "booleans": lambda g, h, _: jnp.where((g[:5] > 0) & ~(h > 0) | (g[5:10] < h), g[:5], h),
    "extremes": lambda g, h, _: jnp.maximum(g[:5], h) + jnp.minimum(g[5:10], 0.1),
    "functions": lambda g, h, _: jnp.tanh(g[:5]) + jax.nn.sigmoid(h) + lax.erf(g[5:10]) + jnp.sqrt(h * h),
    "sum": lambda g, h, _: g[:5] * h.sum(),
    "max and min": lambda g, h, _: g[:5] * h.max() + h.min(),
    "over blocks": lambda g, h, _: blocks_of(g).sum(0) + blocks_of(g).max(0) * h,
    "over both": lambda g, h, _: h * blocks_of(g).sum(),
    "softmax": lambda g, h, _: softmax(g[:5]) * softmax(h),
    "two phases": lambda g, h, _: normal(g[10:]) * h,
    "slice and concatenate": lambda g, h, _: jnp.concatenate([h, g[5:10]]) * g[5:],
    "split": lambda g, h, _: jnp.split(g, 3)[2] - h,
    "pad": lambda g, h, _: jnp.pad(h, (5, 5), constant_values=2.0) * g,
    "reshape": lambda g, h, _: (blocks_of(g)[:, None, :] * h).ravel(),
    "a scalar parameter": lambda g, h, p: p * g[:5] + jnp.tanh(p) * h,
}
"""`g` is three rows, `h` one row, the third argument a scalar parameter."""


def traced(name: str) -> tuple[Program, dict[str, list[np.ndarray]], np.ndarray]:
    """The program, its arguments, and what JAX computes of them."""
    random = np.random.default_rng(len(name))
    sizes = {"gates": (3 * HIDDEN,), "state": (HIDDEN,), "param": ()}
    arguments = {key: random.normal(size=size).astype(np.float32) for key, size in sizes.items()}

    def function(*given: Any) -> Any:
        return {"out": RULES_USED[name](*given)}

    expected = np.asarray(function(*map(jnp.array, arguments.values()))["out"])
    return trace_program(function, arguments, HIDDEN), {k: [v] for k, v in arguments.items()}, expected


@pytest.mark.parametrize("name", RULES_USED)
def test_a_program_computes_what_jax_computes(name: str) -> None:
    program, arguments, expected = traced(name)
    found = interpret(program, arguments, HIDDEN)
    assert len(found) * HIDDEN == expected.size
    np.testing.assert_allclose(
        np.concatenate([found["out", 0, row] for row in range(len(found))]),
        expected.ravel(),
        rtol=1e-5,
        atol=1e-6,
    )


EVERY_RULE = (
    "over blocks",
    "softmax",
    "two phases",
    "booleans",
    "reshape",
    "a scalar parameter",
    "functions",
)


@pytest.mark.parametrize("width", MACHINES)
@pytest.mark.parametrize("name", mostly_slow(RULES_USED, EVERY_RULE.__contains__))
def test_the_emitted_code_computes_what_the_interpreter_computes(name: str, width: int) -> None:
    program, arguments, expected = traced(name)
    rows = np.stack(list(interpret(program, arguments, HIDDEN).values()))
    found = row_function(program, HIDDEN, width)(arguments, len(rows))
    np.testing.assert_allclose(found, rows, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(found.ravel(), expected.ravel(), rtol=1e-5, atol=1e-6)


def test_the_twin_knows_every_operation() -> None:
    assert FUNCTIONS.keys() == EMITTED.keys() | REDUCTIONS
    assert EMITTED.keys() >= ELEMENTWISE
    assert {"integer_pow", "pad", "split"} <= RULES.keys()


def test_neutral_operations_return_their_operand() -> None:
    builder = Builder(HIDDEN)
    x = builder.add(Operation("input", location=("state", 0, 0)))
    zero, one = builder.constant(0.0), builder.constant(1.0)
    before = len(builder.program.operations)
    assert builder.make("add", x, zero) == builder.make("add", zero, x) == builder.make("sub", x, zero) == x
    assert builder.make("mul", x, one) == builder.make("mul", one, x) == builder.make("div", x, one) == x
    assert len(builder.program.operations) == before
    # 0 - x and 1 / x are not neutral operations.
    assert builder.make("sub", zero, x) != x
    assert builder.make("div", one, x) != x
    assert builder.make("tanh", x) == builder.make("tanh", x)
    assert builder.constant(-0.0) != zero


def test_an_expensive_row_is_buffered_and_a_cheap_one_recomputed() -> None:
    builder = Builder(HIDDEN)
    x = builder.add(Operation("input", location=("state", 0, 0)))
    cheap, expensive = builder.make("add", x, x), builder.make("exp", x)
    total = builder.make("reduce_sum", builder.make("mul", cheap, expensive))
    program = builder.program
    program.results["out", 0, 0] = builder.make("mul", builder.make("mul", cheap, expensive), total)
    assert program.phases[total] == 1
    assert total in program.scalars
    assert [program.operations[r].name for r in program.buffered] == ["exp"]
    first, second = program.schedule
    assert (first.read_back, second.read_back) == (set(), {expensive})
    # x, x + x, exp, and their product; then exp from the buffer instead of computed.
    assert program.work == first.work + second.work == 4 + 5


def test_results_that_are_zero_are_dropped() -> None:
    builder = Builder(HIDDEN)
    x = builder.add(Operation("input", location=("state", 0, 0)))
    builder.program.results = {
        ("a", 0, 0): builder.constant(0.0),
        ("b", 0, 0): x,
        ("c", 0, 0): builder.constant(1.0),
    }
    assert drop_zero_results(builder.program).results.keys() == {("b", 0, 0), ("c", 0, 0)}
