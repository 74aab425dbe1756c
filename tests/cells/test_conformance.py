"""The examination: every cell in every unrolling, 1 and 3 layers deep, features and characters as input.

What each unrolling gives is compared with a NumPy loop written from the equations, its gradients with the
gradients of the plain Python loop, and those with finite differences of the NumPy loop.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import safetensors.numpy

from cells.compiling import quick_jit
from cells.runs import (
    BATCH,
    SETTINGS,
    TIME,
    arguments,
    assert_close,
    assert_same,
    cotangents,
    oracle_run,
    program,
    pull,
    result,
)
from cells.table import CASES, RUNS, Case
from charloop.cells import CELLS
from charloop.unroll import UNROLLINGS, Lookup, fitting_unrolling

every_cell = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
every_run = pytest.mark.parametrize(
    ("case", "unrolling"), RUNS, ids=[f"{case.label}-{unrolling}" for case, unrolling in RUNS]
)
every_setting = pytest.mark.parametrize("setting", SETTINGS)


def test_every_registered_cell_is_examined_in_every_unrolling_that_fits():
    for name in CELLS:
        assert Case(name) in CASES, f"{name} is in the registry but not under examination"
    for case in CASES:
        ways = {unrolling for examined, unrolling in RUNS if examined == case}
        assert ways == {fitting_unrolling(unrolling, case.build())[0] for unrolling in UNROLLINGS}


@every_setting
@every_run
def test_values_are_those_of_the_equations(case, unrolling, setting):
    values, _ = result(case, unrolling, setting)
    assert_close(values, oracle_run(case, setting, *arguments(case, setting)))


@every_setting
@every_run
def test_every_gradient_is_that_of_the_python_loop(case, unrolling, setting):
    _, gradients = result(case, unrolling, setting)
    _, expected = result(case, "static", setting)
    assert all(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(expected))
    assert_close(gradients, expected)


@every_setting
@every_cell
def test_gradients_agree_with_finite_differences(case, setting):
    """Along a random direction in each parameter, table and state, by float64 differences of the NumPy loop."""
    given, characters = arguments(case, setting)
    weights = cotangents(case, setting)
    _, gradients = result(case, "static", setting)
    leaves, tree = jax.tree.flatten(jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), given))
    random = np.random.default_rng(5)
    for index, (leaf, gradient) in enumerate(zip(leaves, jax.tree.leaves(gradients), strict=True)):
        direction = random.normal(size=leaf.shape)
        direction /= np.linalg.norm(direction)

        def loss(distance, index=index, leaf=leaf, direction=direction):
            moved = [*leaves[:index], leaf + distance * direction, *leaves[index + 1 :]]
            values = oracle_run(case, setting, jax.tree.unflatten(tree, moved), characters)
            return sum(jax.tree.leaves(jax.tree.map(lambda v, w: np.vdot(v, w), values, tuple(weights))))

        difference = (loss(1e-5) - loss(-1e-5)) / 2e-5
        name = f"{jax.tree_util.keystr(jax.tree.leaves_with_path(given)[index][0])}"
        np.testing.assert_allclose(
            np.vdot(gradient, direction), difference, rtol=1e-4, atol=1e-4, err_msg=name
        )


@every_run
def test_compiled_is_eager(case, unrolling):
    given = *arguments(case, "1 features"), cotangents(case, "1 features")
    with jax.disable_jit():
        eager = pull(case, unrolling, "1 features", *jax.tree.map(jnp.asarray, given))
    assert_close(result(case, unrolling, "1 features"), eager)


@every_run
def test_two_chunks_are_the_whole(case, unrolling):
    """Values, and gradients handed back from the second chunk to the first through the carry."""
    setting, half = "1 features", TIME // 2
    (given, characters), (to_outputs, to_state) = arguments(case, setting), cotangents(case, setting)
    run, source = program(case, unrolling, setting), given["source"]
    (outputs, state), gradients = result(case, unrolling, setting)
    first = given | {"source": source[:half]}, characters[:half]
    (early, carry), _ = run(*first, (to_outputs[:half], to_state))
    second = given | {"source": source[half:], "states": carry}, characters[half:]
    (late, last), from_second = run(*second, (to_outputs[half:], to_state))
    _, from_first = run(*first, (to_outputs[:half], from_second["states"]))
    assert_close((np.concatenate([early, late]), last), (outputs, state))
    assert_close(jax.tree.map(np.add, from_first["layers"], from_second["layers"]), gradients["layers"])
    assert_close(np.concatenate([from_first["source"], from_second["source"]]), gradients["source"])
    assert_close(from_first["states"], gradients["states"])


@every_run
def test_reset_is_a_fresh_start(case, unrolling):
    """A carry set to zero, in one lane or all, leaves nothing of what was read before."""
    setting = "1 features"
    (given, characters), weights = arguments(case, setting), cotangents(case, setting)
    run, fresh = program(case, unrolling, setting), [case.build().initial_state(BATCH)]
    (start, _), _ = run(given | {"states": fresh}, characters, weights)
    (_, carry), _ = result(case, unrolling, setting)
    assert_same(jax.tree.map(lambda leaf: leaf * 0, carry), fresh)
    reset_first_lane = jax.tree.map(lambda leaf: leaf * np.float32([[0], [1]]), carry)
    (outputs, _), _ = run(given | {"states": reset_first_lane}, characters, weights)
    assert_same(outputs[:, 0], start[:, 0])
    assert np.abs(outputs[:, 1] - start[:, 1]).max() > 1e-3


@every_run
def test_no_gradient_comes_from_the_future_or_another_lane(case, unrolling):
    setting = "1 features"
    (given, characters), weights = arguments(case, setting), cotangents(case, setting)
    nothing = jax.tree.map(np.zeros_like, weights)
    for time in range(TIME):
        only_one = jax.tree.map(np.copy, nothing)
        only_one[0][time, 0] = weights[0][time, 0]
        _, gradients = program(case, unrolling, setting)(given, characters, only_one)
        assert not np.any(gradients["source"][time + 1 :])
        assert not np.any(gradients["source"][:, 1])
        assert np.all(np.any(gradients["source"][: time + 1, 0], axis=-1))


@every_run
def test_weights_survive_a_file(case, unrolling):
    setting = "1 features"
    (given, characters), weights = arguments(case, setting), cotangents(case, setting)
    written = safetensors.numpy.save({name: np.asarray(value) for name, value in given["layers"][0].items()})
    read = {name: jnp.asarray(value) for name, value in safetensors.numpy.load(written).items()}
    again = program(case, unrolling, setting)(given | {"layers": [read]}, characters, weights)
    assert_same(again, result(case, unrolling, setting))


@every_cell
def test_a_tick_broadcasts_over_leading_axes(case):
    cell, (given, _) = case.build(), arguments(case, "1 features")
    (params,), (state,), inputs = given["layers"], given["states"], given["source"]
    states = jax.tree.map(lambda leaf: jnp.stack([leaf] * TIME), state)
    expected = [cell.step(params, x, state) for x in inputs]
    together = cell.step(params, inputs, states)
    assert_close(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *expected))


@every_cell
def test_learns_to_recall_its_first_symbol(case):
    """Four symbols, five of noise, then: which was the first? Guessing costs log 4 = 1.39 nats."""
    cell, hidden, symbols, time = case.build(16), 16, 4, 6
    unroll = UNROLLINGS[fitting_unrolling("fused", cell)[0]]
    optimizer = optax.adam(0.02)
    cell_key, readout_key, data_key = jax.random.split(jax.random.key(0), 3)
    params = cell.init(cell_key, symbols) | {"readout": jax.random.normal(readout_key, (hidden, symbols)) / 4}

    def loss(params, characters):
        own = {name: value for name, value in params.items() if name != "readout"}
        _, outputs = unroll(cell, own, Lookup(jnp.eye(symbols), characters), cell.initial_state(32))
        logits = outputs[-1] @ params["readout"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, characters[0]).mean()

    def step(carry, key):
        params, memory = carry
        nats, gradients = jax.value_and_grad(loss)(params, jax.random.randint(key, (time, 32), 0, symbols))
        updates, memory = optimizer.update(gradients, memory)
        return (optax.apply_updates(params, updates), memory), nats

    train = quick_jit(lambda *start: jax.lax.scan(step, start, jax.random.split(data_key, 400))[1])
    nats = train(params, optimizer.init(params))
    assert nats[0] > 1.2
    assert nats[-20:].mean() < 0.05
