"""A step divided by hand at its products: the parts put together give the step, and only plain sums are merged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.cells import CELLS, Cell, linear, make_cell
from charloop.engines import partition_cell
from charloop.engines.partition import reason_against_parts
from engines.test_parts import KINDS

UNITS = 6


@pytest.mark.parametrize(
    "cell", [*(make_cell(CELLS, name, UNITS) for name in CELLS), *(kind(UNITS) for kind in KINDS)], ids=repr
)
def test_the_parts_of_one_row_give_the_step(cell: Cell) -> None:
    """As an engine runs them: sources from the input, then each product in order, then the rest."""
    parts, random = partition_cell(cell), np.random.default_rng(0)
    params = cell.init(jax.random.key(1), UNITS)
    x = jnp.array(random.normal(size=UNITS), jnp.float32)
    state = jax.tree.map(
        lambda leaf: jnp.array(random.normal(size=leaf.shape[1:]), leaf.dtype), cell.initial_state(1)
    )
    own, to_sources, to_products = parts.prepare(params)
    sources = [x if weights is None else multiply(x, *weights) for weights in to_sources]
    left = [None if merged else source for merged, source in zip(parts.is_merged, sources, strict=True)]
    results: list[Any] = []
    for number, (planned, weights) in enumerate(zip(parts.products, to_products, strict=True)):
        operand = parts.operand(number, own, left, results, state)
        if parts.reads[number] is not None:
            np.testing.assert_array_equal(operand, jax.tree.leaves(state)[parts.reads[number]])
        added = 0 if planned.source is None else sources[planned.source]
        results.append(multiply(operand, *weights) + added)
    new, output = parts.finish(own, left, results, state)
    expected = cell.step(params, x[None], jax.tree.map(lambda leaf: leaf[None], state))
    assert output.dtype == parts.dtype
    for found, batch in zip(jax.tree.leaves((new, output)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found, batch[0], rtol=1e-5, atol=1e-6)


def multiply(operand: Any, weight: Any, bias: Any) -> Any:
    return weight @ operand + (0 if bias is None else bias)


Combine = Callable[[Any, Any, Any], tuple[Any, Any]]


def cell_of(combine: Combine) -> Cell:
    """A cell whose new state and output are `combine(W x, R h, h)`."""

    @dataclass(frozen=True)
    class Combined(Cell):
        gates: ClassVar[int] = 1

        def step(self, params: Any, inputs: Any, state: Any) -> Any:
            hidden = state["hidden"]
            new, output = combine(linear(params, "ih", inputs), linear(params, "hh", hidden), hidden)
            return {"hidden": new}, output

    return Combined(UNITS)


@pytest.mark.parametrize(
    ("combine", "is_merged"),
    [
        (lambda x, h, _: (jnp.tanh(x + h), h * 0 + 1), False),
        (lambda x, h, _: (jnp.tanh(x + h),) * 2, True),
        (lambda x, h, _: (jnp.tanh(h + x),) * 2, True),
        (lambda x, h, _: (jnp.tanh(x - h),) * 2, False),
        (lambda x, h, _: (jnp.tanh(x + h) * x,) * 2, False),
        (lambda x, h, _: (jnp.tanh(x + h), x), False),
        (lambda x, h, _: (jnp.tanh(x + h), h), False),
        (lambda x, h, old: (jnp.tanh(x + old) + h,) * 2, False),
    ],
    ids=[
        "product read twice",
        "sum",
        "sum in the other order",
        "difference",
        "source read twice",
        "source is the output",
        "product is the output",
        "source added to another value",
    ],
)
def test_a_product_is_merged_only_with_a_source_that_it_is_plainly_added_to(
    combine: Combine, is_merged: bool
) -> None:
    parts = partition_cell(cell_of(combine))
    assert [one.source for one in parts.products] == [0 if is_merged else None]
    assert parts.is_merged == (is_merged,)


def test_a_step_that_needs_a_batch_axis_is_refused_with_the_reason() -> None:
    refused = cell_of(lambda x, h, _: (jnp.tanh(x + h + jnp.zeros((1, UNITS)))[:, :],) * 2)
    broken = cell_of(lambda x, h, _: (jnp.swapaxes(x + h, 0, 1),) * 2)
    assert reason_against_parts(refused) is None, "one row more or less is no error"
    reason = reason_against_parts(broken)
    assert reason is not None
    assert reason.startswith("its step fails on a single row without a batch axis (")
    assert "\n" not in reason
