"""The contract of a cell, which engines rely on; and that a cell learns to remember."""

import jax
import jax.numpy as jnp
import optax
import pytest

from cells.compiling import quick_jit
from cells.jaxprs import count
from cells.runs import ONE_LAYER, TIME, arguments, assert_close
from cells.table import CASES, HIDDEN, VARIANTS
from charloop.engines import partition_cell
from charloop.unroll import UNROLLINGS, Lookup, choose_unrolling
from choosing import mostly_slow

every_cell = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)


@every_cell
def test_a_step_broadcasts_over_leading_axes(case):
    cell, (given, _) = case.build(), jax.tree.map(jnp.array, arguments(case, ONE_LAYER))
    (params,), (state,), inputs = given["layers"], given["states"], given["source"]
    states = jax.tree.map(lambda leaf: jnp.stack([leaf] * TIME), state)
    one_by_one = [cell.step(params, x, state) for x in inputs]
    expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one_by_one)
    assert_close(cell.step(params, inputs, states), expected)


@every_cell
def test_every_product_is_found(case):
    cell, (given, _) = case.build(), jax.tree.map(jnp.array, arguments(case, ONE_LAYER))
    (params,), (state,), inputs = given["layers"], given["states"], given["source"]
    parts = partition_cell(cell)
    made = [product for product in (*parts.sources, *parts.products) if product is not None]
    assert count("dot_general", jax.make_jaxpr(cell.step)(params, inputs[0], state)) == len(made)


@every_cell
def test_cells_with_equal_options_share_a_compiled_program(case):
    cell = case.build()
    assert type(cell)(**vars(cell)) == cell
    assert hash(type(cell)(**vars(cell))) == hash(cell)
    assert case.build(HIDDEN + 1) != cell


def test_options_make_another_cell():
    for variant in VARIANTS:
        assert variant.build() not in [case.build() for case in CASES if case != variant]


@pytest.mark.parametrize(
    "case",
    mostly_slow(CASES, lambda case: case.label in ("lstm", "SkipLSTM")),
    ids=lambda case: case.label,
)
def test_learns_to_recall_its_first_symbol(case):
    """Read one of four symbols, then five of noise; predict the first. Guessing costs log 4 = 1.39 nats."""
    cell, symbols, time = case.build(16), 4, 6
    unroll, optimizer = UNROLLINGS[choose_unrolling("fused", cell)[0]], optax.adam(0.01)

    def loss(params, characters):
        inputs = Lookup(jnp.eye(symbols), characters)
        _, outputs = unroll(cell, params["cell"], inputs, cell.initial_state(32))
        logits = outputs[-1] @ params["readout"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, characters[0]).mean()

    def step(carry, key):
        params, memory = carry
        nats, gradients = jax.value_and_grad(loss)(params, jax.random.randint(key, (time, 32), 0, symbols))
        updates, memory = optimizer.update(gradients, memory)
        return (optax.apply_updates(params, updates), memory), nats

    @quick_jit
    def train(key):
        of_cell, of_readout, of_data = jax.random.split(key, 3)
        readout = jax.random.normal(of_readout, (16, symbols)) / 4
        params = {"cell": cell.init(of_cell, symbols), "readout": readout}
        return jax.lax.scan(step, (params, optimizer.init(params)), jax.random.split(of_data, 400))[1]

    nats = train(jax.random.key(1))
    assert nats[0] > 1.2
    assert nats[-20:].mean() < 0.05
