"""Random steps with calls, custom derivatives, loops and branches: as `scan` runs them, or refused."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cells.compiling import quick_jit
from cells.runs import values_and_gradients
from charloop.kernels.engine import Kernels
from charloop.kernels.plan import reason_against_cell
from charloop.unroll import scan
from charloop.unroll.fused import fused
from kernels.test_program import cell_of

Function = Callable[[Any], Any]
HIDDEN, TIME, BATCH = 6, 3, 2
NORMAL, SLOW = 10, 2000

SIMPLE: dict[str, Function] = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "softplus": jax.nn.softplus,
    "elu": jax.nn.elu,
    "centred": lambda x: x - x.mean(-1, keepdims=True),
    "softmax": jax.nn.softmax,
    "hinge": lambda x: jnp.where(x > 0.1, x, 0.2 * x),
    "clip": lambda x: jnp.clip(x, -0.7, 0.8),
    "log1p": lambda x: jnp.log1p(x * x),
}


def with_own_jvp(function: Function) -> Function:
    """A custom derivative of one half, which is not the true one, so that ignoring it is noticed."""
    own = jax.custom_jvp(lambda x: function(x))
    own.defjvp(lambda at, way: (function(*at), 0.5 * way[0]))
    return own


def with_own_vjp(function: Function) -> Function:
    """A slope of `tanh x`, which is not the true one either."""
    own = jax.custom_vjp(lambda x: function(x))
    own.defvjp(lambda x: (function(x), x), lambda x, back: (back * jnp.tanh(x),))
    return own


CALLS: dict[str, Callable[[Function], Function]] = {
    "jit": jax.jit,
    "remat": jax.checkpoint,
    "custom_jvp": with_own_jvp,
    "custom_vjp": with_own_vjp,
    "grad": lambda function: jax.grad(lambda x: jnp.tanh(function(x)).sum()),
}
LOOPS: dict[str, Callable[[Function], Function]] = {
    "scan": lambda f: lambda x: lax.scan(lambda c, _: (jnp.tanh(f(c)), None), x, None, length=3)[0],
    "fori": lambda f: lambda x: lax.fori_loop(0, 2, lambda _, c: jnp.tanh(f(c)), x),
    "cond": lambda f: lambda x: lax.cond(x.sum() > 0, f, jnp.abs, x),
    "switch": lambda f: lambda x: lax.switch(jnp.int32(x.sum()), [f, jnp.abs, jnp.tanh], x),
}


def draw_function(random: np.random.Generator) -> Function:
    """A simple function inside up to three calls."""
    function = SIMPLE[random.choice(list(SIMPLE))]
    for _ in range(random.integers(0, 4)):
        function = CALLS[random.choice(list(CALLS))](function)
    return function


def draw_rule(number: int) -> Callable[[Any, Any], Any]:
    """Two to four functions one after the other, gates and state mixed in between; a third loops or branches.

    One kind of loop only, each kind in turn: what refuses another would hide that this one is let through.
    """
    random = np.random.default_rng(number)
    functions = [draw_function(random) for _ in range(random.integers(2, 5))]
    if number % 3 == 0:
        functions[0] = list(LOOPS.values())[number // 3 % len(LOOPS)](functions[0])

    def rule(gates: Any, state: Any) -> Any:
        value = gates
        for function in functions:
            value = 0.5 * state + function(value) + 0.3 * gates
        return jnp.tanh(value)

    return rule


def check_step(number: int) -> bool:
    """Return whether the step has a kernel; if so, its values and gradients are those of `scan`."""
    cell = cell_of(draw_rule(number), HIDDEN)
    if reason_against_cell(cell) is not None:
        return False
    params = cell.init(jax.random.key(number), 3)
    inputs = jax.random.normal(jax.random.key(number + 1), (TIME, BATCH, 3))
    point = (params, inputs, jax.tree.map(lambda leaf: leaf + 0.3, cell.initial_state(BATCH)))

    ones = jax.tree.map(jnp.ones_like, jax.eval_shape(partial(scan, cell), *point))
    found, expected = (
        quick_jit(partial(values_and_gradients, partial(way, cell)))(point, ones)
        for way in (partial(fused, engine=Kernels()), scan)
    )
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = 1 + float(np.abs(right).max(initial=0))
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5 * scale, err_msg=f"step {number}")
    return True


def test_random_calls_are_as_scan_runs_them_or_refused() -> None:
    with_kernel = [check_step(number) for number in range(NORMAL)]
    assert with_kernel == [number % 3 > 0 for number in range(NORMAL)]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SLOW, 100))
def test_many_random_calls_are_as_scan_runs_them_or_refused(first: int) -> None:
    with_kernel = [check_step(number) for number in range(NORMAL + first, NORMAL + first + 100)]
    assert sum(with_kernel) > 60
