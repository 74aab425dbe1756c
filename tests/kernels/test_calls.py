"""What a step may call: programs that run once are followed; loops and branches are refused as a whole."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cells.runs import values_and_gradients
from charloop.kernels.engine import Kernels
from charloop.kernels.plan import reason_against_cell
from charloop.unroll import scan
from charloop.unroll.fused import fused
from kernels.test_program import cell_of


@jax.custom_jvp
def doubled(x: Any) -> Any:
    return jnp.tanh(x) * 2


doubled.defjvp(lambda at, way: (doubled(*at), way[0] * 2 * (1 - jnp.tanh(at[0]) ** 2)))


@jax.custom_jvp
def exp_neg_sq(x: Any) -> Any:
    return jnp.tanh(x)


exp_neg_sq.defjvp(lambda at, way: (exp_neg_sq(*at), way[0] * exp_neg_sq(*at)))


@jax.custom_vjp
def steep(x: Any) -> Any:
    return jnp.tanh(x)


steep.defvjp(lambda x: (steep(x), x), lambda x, back: (back * (0.3 + x),))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (lambda g, h: lax.scan(lambda c, _: (jnp.tanh(c) + h, None), g, None, length=3)[0], "scan"),
        (lambda g, h: lax.fori_loop(0, 3, lambda _, c: jnp.tanh(c) + h, g), "scan has no rule"),
        (lambda g, h: lax.while_loop(lambda c: c.sum() < 0, jnp.abs, g) + h, "while has no rule"),
        (lambda g, h: lax.cond(g.sum() > 0, jnp.tanh, jnp.abs, g) + h, "cond has no rule"),
        (lambda g, h: lax.switch(jnp.int32(g.sum()), [jnp.tanh, jnp.abs], g) + h, "cond has no rule"),
        (
            lambda g, h: jax.jit(lambda x: lax.cond(x.sum() > 0, jnp.tanh, jnp.abs, x))(g) + h,
            "cond has no rule",
        ),
        (lambda g, h: lax.map(jnp.tanh, g) + h, "scan has no rule"),
    ],
)
def test_a_loop_or_branch_is_refused(rule: Any, why: str) -> None:
    assert why in (reason_against_cell(cell_of(rule)) or "")


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, h: jax.jit(lambda x: jnp.tanh(x) + jnp.full(6, 0.5))(g) + h,
        lambda g, h: jax.checkpoint(lambda x: jnp.tanh(x) * h)(g),
        # The second has the name of a decomposition, of another function.
        lambda g, h: doubled(g) + exp_neg_sq(0.5 * g) + 0.5 * h,
        lambda g, h: steep(g) + jax.checkpoint(jax.jit(steep))(0.5 * h),
        lambda g, h: jax.nn.gelu(g, approximate=False) + 0.1 * jax.nn.softplus(h) + jax.nn.elu(g),
        lambda g, h: jnp.log1p(g * g) + jnp.expm1(-h * h) + jnp.sinh(0.1 * g) + jnp.cosh(0.1 * h),
        lambda g, h: jnp.exp2(-g * g) + jnp.arctanh(0.5 * jnp.tanh(h)) + jnp.clip(h, -1, 1),
        lambda g, h: jnp.where(True, g, h) * jnp.where(g > 0, 1.0, h),
    ],
)
def test_a_call_that_runs_once_computes_what_scan_computes(rule: Any) -> None:
    cell = cell_of(rule)
    assert reason_against_cell(cell) is None
    params = cell.init(jax.random.key(0), 3)
    point = (params, jax.random.normal(jax.random.key(1), (3, 2, 3)), cell.initial_state(2))

    cotangents = jax.tree.map(jnp.ones_like, jax.eval_shape(partial(scan, cell), *point))
    found, expected = (
        values_and_gradients(partial(way, cell), point, cotangents)
        for way in (partial(fused, engine=Kernels()), scan)
    )
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [300, 3000])
def test_a_long_step_is_compiled_or_refused(length: int) -> None:
    def rule(g: Any, h: Any) -> Any:
        for _ in range(length):
            g = g * 0.99 + h
        return g

    cell = cell_of(rule)
    reason = reason_against_cell(cell)
    if reason is not None:
        assert length == 3000
        assert "operations on a row" in reason
        return
    given = cell.init(jax.random.key(0), 3), jnp.ones((2, 1, 3)), cell.initial_state(1)
    values, expected = (
        way(cell, *given)[1] for way in (partial(fused, engine=Kernels()), jax.jit(scan, static_argnums=0))
    )
    np.testing.assert_allclose(values, expected, rtol=1e-4)


ROW, NUMBER = jnp.full(6, 0.3), jnp.float32(0.7)


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, h: g + 3 + h * jnp.int32(2) + g * np.float64(0.1) + h * np.full(6, 0.1),
        lambda g, h: g / 16777217 + h * 123456789e-9 + g * ROW + h * NUMBER,
        lambda g, h: (g > 0) * g + ((g > 0) + h) + jnp.nan_to_num(g) + g**0 * h,
        lambda g, h: jnp.where(h > 5, jnp.inf, jnp.maximum(g, -jnp.inf)),
    ],
)
def test_numbers_of_other_types_mean_the_same_as_in_scan(rule: Any) -> None:
    test_a_call_that_runs_once_computes_what_scan_computes(rule)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (lambda g, h: g.astype(jnp.float16).astype(jnp.float32) + h, "float16 has no rule"),
        (lambda g, h: jnp.abs(g + 1j * h), "complex64 has no rule"),
        (lambda g, h: g * (h > 0).sum(-1, keepdims=True), "int32 has no rule"),
        (lambda g, h: lax.select_n((g > 0).astype(jnp.int32), g, h), "int32 has no rule"),
        (lambda g, h: jnp.where((h > 0).any(-1, keepdims=True), g, h), "reduce_or has no rule"),
        (lambda g, h: lax.reduce_precision(g, 5, 10) + h, "reduce_precision has no rule"),
    ],
)
def test_a_type_that_no_row_holds_is_refused(rule: Any, why: str) -> None:
    assert why in (reason_against_cell(cell_of(rule)) or "")
