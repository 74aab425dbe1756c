"""A step split at its products: what is computed where; and cells of every kind against `scan`, by both engines."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_close
from charloop.cells import CELLS, Cell, blocks, linear, make_cell, product
from charloop.engines import XLA, partition_cell
from charloop.kernels import reason_against_kernel
from charloop.kernels.engine import Kernels
from charloop.unroll import Lookup, scan
from charloop.unroll.fused import fused
from choosing import mostly_slow, slow

UNITS, TIME, BATCH = 6, 5, 3


@dataclass(frozen=True)
class Projected(Cell):
    """Sak et al. 2014: a memory of twice the units, projected to the output. The output is the hidden state."""

    gates: ClassVar[int] = 8
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def init(self, key: Any, input_size: int) -> Any:
        weight = jax.random.normal(key, (self.hidden_size, 2 * self.hidden_size))
        return super().init(key, input_size) | {"weight_hr": weight}

    def initial_state(self, batch_size: int) -> Any:
        sizes = {"hidden": self.hidden_size, "cell": 2 * self.hidden_size}
        return {name: jnp.zeros((batch_size, size)) for name, size in sizes.items()}

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        gates = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        write, forget, value, output = blocks(gates, 4)
        cell = jax.nn.sigmoid(forget) * state["cell"] + jax.nn.sigmoid(write) * jnp.tanh(value)
        hidden = linear(params, "hr", jax.nn.sigmoid(output) * jnp.tanh(cell))
        return {"hidden": hidden, "cell": cell}, hidden


@dataclass(frozen=True)
class Highway(Cell):
    """Zilly et al. 2017: two inner steps with one matrix. The input is also read directly."""

    gates: ClassVar[int] = 1

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        middle = jnp.tanh(linear(params, "ih", inputs) + linear(params, "hh", state["hidden"]))
        middle = jnp.tanh(linear(params, "hh", middle) + inputs)
        hidden = middle + 0.5 * inputs * state["hidden"]
        return {"hidden": hidden}, hidden - inputs


@dataclass(frozen=True)
class Simple(Cell):
    """No product in the loop (Lei et al. 2018): the state is updated by values computed from the input."""

    gates: ClassVar[int] = 2

    def init(self, key: Any, input_size: int) -> Any:
        return super().init(key, input_size) | {"decay": jnp.linspace(-1, 1, self.hidden_size)}

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        value, forget = blocks(linear(params, "ih", inputs), 2)
        forget = jax.nn.sigmoid(forget + jax.nn.sigmoid(params["decay"]) * state["hidden"])
        hidden = forget * state["hidden"] + (1 - forget) * value
        return {"hidden": hidden}, jnp.tanh(hidden)


@dataclass(frozen=True)
class Deaf(Cell):
    """A cell that does not read its input."""

    gates: ClassVar[int] = 1

    def step(self, params: Any, inputs: Any, state: Any) -> Any:  # noqa: ARG002
        hidden = jnp.tanh(linear(params, "hh", state["hidden"] ** 2) + params["bias_ih"])
        return {"hidden": hidden}, hidden


@dataclass(frozen=True)
class Called(Cell):
    """Its products are inside compiled functions, or inside checkpointed ones."""

    gates: ClassVar[int] = 2

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        @jax.jit
        def both(params: Any, inputs: Any, hidden: Any) -> Any:
            return linear(params, "ih", inputs) + jax.checkpoint(partial(linear, params, "hh"))(hidden)

        first, second = blocks(both(params, inputs, state["hidden"]), 2)
        hidden = jnp.tanh(first) * jax.nn.silu(second)
        return {"hidden": hidden}, hidden


@dataclass(frozen=True)
class Shared(Cell):
    """One product is read twice; a matrix is sliced; the second product reads the first and the input's."""

    gates: ClassVar[int] = 2

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        units, weight = self.hidden_size, params["weight_hh"]
        first, second = blocks(linear(params, "ih", inputs), 2)
        one = product(state["hidden"], weight[:units])
        two = product(jnp.tanh(one) * second, weight[units:], params["bias_hh"][:units])
        hidden = jnp.tanh(first + one + two * one)
        return {"hidden": hidden}, hidden + 0.5 * second


@dataclass(frozen=True)
class Constant(Cell):
    """Constants per unit, of other types, and computed from nothing: all are computed before the loop."""

    gates: ClassVar[int] = 1

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        both = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        rates = jnp.arange(self.hidden_size) / 7 * jnp.bfloat16(0.7) * jnp.full(self.hidden_size, 2)
        hidden = jnp.tanh(both) * rates
        return {"hidden": hidden}, hidden


KINDS = (Projected, Highway, Simple, Deaf, Called, Shared, Constant)
STRUCTURE = {
    "lstm": (1, [0], [True]),
    "gru": (1, [None], [False]),
    "ln-lstm": (1, [0], [True]),
    "nas": (1, [None], [False]),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_which_products_a_cell_has_and_which_are_only_added(name: str) -> None:
    parts = partition_cell(make_cell(CELLS, name, UNITS))
    sources, products, merged = STRUCTURE[name]
    assert len(parts.sources) == sources
    assert [product.source for product in parts.products] == products
    assert list(parts.is_merged) == merged


def test_what_depends_on_parameters_alone_is_computed_before_the_loop() -> None:
    assert len(partition_cell(Simple(UNITS)).loop_params) == 1
    assert len(partition_cell(Deaf(UNITS)).loop_params) == 1
    own, _, _ = partition_cell(Simple(UNITS)).prepare(Simple(UNITS).init(jax.random.key(0), UNITS))
    np.testing.assert_allclose(own[0], jax.nn.sigmoid(jnp.linspace(-1, 1, UNITS)), rtol=1e-6)


def problem(cell: Cell, lookup: bool) -> tuple[Any, Any]:
    """Return random parameters, input and state, and weights for all results, so that a gradient depends on each."""
    random = np.random.default_rng(0)
    params, state = cell.init(jax.random.key(0), UNITS), cell.initial_state(BATCH)
    given = jax.tree.map(
        lambda leaf: np.float32(leaf + 0.3 * random.normal(size=leaf.shape)), (params, state)
    )
    rows = (9, UNITS) if lookup else (TIME, BATCH, UNITS)
    inputs = random.normal(size=rows).astype(np.float32)
    outgoing = (given[1], np.zeros((TIME, BATCH, cell.hidden_size)))
    weights = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), outgoing)
    return (given[0], inputs, given[1]), weights


@pytest.mark.parametrize(
    ("marked", "lookup"),
    [(True, True), slow((False, False)), slow((False, True)), slow((True, False))],
)
@pytest.mark.parametrize(
    "kind", mostly_slow(KINDS, (Projected, Shared).__contains__), ids=lambda kind: kind.__name__
)
def test_a_cell_of_any_kind_equals_scan_by_both_engines(kind: Any, marked: bool, lookup: bool) -> None:
    cell, random = kind(UNITS), np.random.default_rng(1)
    assert reason_against_kernel(cell) is None
    given, weights = problem(cell, lookup)
    characters = jnp.array(random.integers(0, 9, (TIME, BATCH)))
    resets = jnp.array(random.random((TIME, BATCH)) < 0.3)
    marks = {"resets": resets, "lengths": jnp.array([5, 0, 3])} if marked else {}

    def pulled(way: Any, given: Any) -> Any:
        def loss(given: Any) -> Any:
            params, inputs, state = given
            source = Lookup(inputs, characters) if lookup else inputs
            made = way(cell, params, source, state, **marks)
            return sum(jax.tree.leaves(jax.tree.map(lambda a, b: (a * b).sum(), made, weights))), made

        return jax.grad(loss, has_aux=True)(given)

    expected = quick_jit(partial(pulled, scan))(given)
    for engine in (XLA, Kernels()):
        assert_close(
            quick_jit(partial(pulled, partial(fused, engine=engine)))(given), expected, tolerance=2e-5
        )


def test_a_size_without_a_kernel_runs_on_xla_with_a_note() -> None:
    cell = Highway(UNITS)
    assert reason_against_kernel(cell) is None
    params = cell.init(jax.random.key(0), 1)
    inputs, state = jnp.ones((TIME, BATCH, 1)), cell.initial_state(BATCH)
    with pytest.warns(
        RuntimeWarning, match="Highway has no kernel for arrays of these sizes: .*; XLA's loop runs"
    ):
        found = fused(cell, params, inputs, state, engine=Kernels())
    assert_close(found, scan(cell, params, inputs, state))
