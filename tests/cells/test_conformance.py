"""Conformance: every cell in every unrolling, 1 and 2 layers deep, with features and characters as input.

What each unrolling gives is compared with a NumPy loop written from the equations; its gradients with those of the
plain Python loop; and those with finite differences of the NumPy loop.
"""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from cells.runs import (
    BATCH,
    ONE_LAYER,
    SETTINGS,
    TIME,
    arguments,
    assert_close,
    assert_same,
    cotangents,
    forward,
    oracle_run,
    program,
    result,
    zeros,
)
from cells.table import CASES, RUNS, VARIANTS, Case, Run, is_quick
from charloop.cells import CELLS
from charloop.unroll import UNROLLINGS, choose_unrolling
from choosing import mostly_slow

every_run = pytest.mark.parametrize(
    "run", mostly_slow(RUNS, is_quick), ids=lambda run: run.label, scope="module"
)
DEEP_QUICK = (Case("lstm"), Case("gru"), VARIANTS[-1])
"""Cells whose stack of two layers is tested in quick runs too; what a stack passes on does not depend on the cell."""


def is_quick_at(case: Case, setting: str) -> bool:
    """Return whether a cell is tested at that depth in quick runs too."""
    return setting == ONE_LAYER or case in DEEP_QUICK


every_setting = pytest.mark.parametrize(
    ("run", "setting"),
    mostly_slow(
        product(RUNS, SETTINGS), lambda case: is_quick(case[0]) and is_quick_at(case[0].case, case[1])
    ),
    ids=lambda value: getattr(value, "label", value),
    scope="module",
)


def test_every_registered_cell_is_tested_in_every_unrolling_that_fits():
    for name in CELLS:
        assert Case(name) in CASES, f"{name} is in the registry but not under examination"
    for case in CASES:
        ways = {run.unrolling for run in RUNS if run.case == case}
        assert ways == {choose_unrolling(name, case.build())[0] for name in UNROLLINGS}


@every_setting
def test_values_are_those_of_the_equations(run, setting):
    values, _ = result(run, setting)
    assert_close(values, oracle_run(run.case, setting, *arguments(run.case, setting)))


@every_setting
def test_every_gradient_is_that_of_the_python_loop(run, setting):
    _, gradients = result(run, setting)
    _, expected = result(Run(run.case, "static"), setting)
    assert all(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(expected))
    assert_close(gradients, expected)


@pytest.mark.parametrize(
    ("case", "setting"),
    mostly_slow(product(CASES, SETTINGS), lambda given: is_quick_at(*given)),
    ids=lambda value: getattr(value, "label", value),
)
def test_gradients_agree_with_finite_differences(case, setting):
    """Along a random direction in each parameter, source and state, by float64 differences of the NumPy loop."""
    given, characters = arguments(case, setting)
    weights, (_, gradients) = cotangents(case, setting), result(Run(case, "static"), setting)
    leaves, tree = jax.tree.flatten(jax.tree.map(np.float64, given))

    def loss(index, change):
        moved = [*leaves[:index], leaves[index] + change, *leaves[index + 1 :]]
        values = oracle_run(case, setting, jax.tree.unflatten(tree, moved), characters)
        return sum(jax.tree.leaves(jax.tree.map(np.vdot, values, weights)))

    random = np.random.default_rng(5)
    for index, (path, gradient) in enumerate(jax.tree.leaves_with_path(gradients)):
        direction = random.normal(size=gradient.shape)
        direction /= np.linalg.norm(direction)
        difference = (loss(index, 1e-5 * direction) - loss(index, -1e-5 * direction)) / 2e-5
        assert np.vdot(gradient, direction) == pytest.approx(difference, rel=1e-4, abs=1e-4), path


@every_run
def test_compiled_equals_eager(run):
    """Eager: one operation at a time, with the loops in Python."""
    values, _ = result(run, ONE_LAYER)
    with jax.disable_jit():
        eager = forward(run, ONE_LAYER, *jax.tree.map(jnp.array, arguments(run.case, ONE_LAYER)))
    assert_close(values, eager)


@every_run
def test_two_chunks_equal_the_whole(run):
    """Values, and gradients that go back from the second chunk to the first through the carried state."""
    (given, characters), (to_outputs, to_state) = (
        arguments(run.case, ONE_LAYER),
        cotangents(run.case, ONE_LAYER),
    )
    pull, source, half = program(run, ONE_LAYER), given["source"], TIME // 2
    first = given | {"source": source[:half]}, characters[:half]
    (early, carry), _ = pull(*first, (to_outputs[:half], to_state))
    second = given | {"source": source[half:], "states": carry}, characters[half:]
    (late, last), from_second = pull(*second, (to_outputs[half:], to_state))
    _, from_first = pull(*first, (to_outputs[:half], from_second["states"]))
    gradients = {
        "layers": jax.tree.map(np.add, from_first["layers"], from_second["layers"]),
        "source": np.concatenate([from_first["source"], from_second["source"]]),
        "states": from_first["states"],
    }
    assert_close(((np.concatenate([early, late]), last), gradients), result(run, ONE_LAYER))


@every_run
def test_a_reset_row_forgets_what_was_read_before(run):
    """A carry set to 0 in one batch row leaves nothing there of what was read before; the other row is unchanged."""
    (given, characters), weights = arguments(run.case, ONE_LAYER), cotangents(run.case, ONE_LAYER)
    (_, carry), _ = result(run, ONE_LAYER)
    assert_same(jax.device_get([run.case.build().initial_state(BATCH)]), [zeros(run.case, BATCH)])
    reset = jax.tree.map(lambda leaf: leaf * np.float32([[0], [1]]), carry)

    def outputs(state):
        return program(run, ONE_LAYER)(given | {"states": state}, characters, weights)[0][0]

    fresh, carried, mixed = outputs([zeros(run.case, BATCH)]), outputs(carry), outputs(reset)
    assert_same(mixed[:, 0], fresh[:, 0])
    assert_same(mixed[:, 1], carried[:, 1])
    assert np.abs(carried - fresh).max(axis=(0, 2)).min() > 1e-3


@every_run
def test_no_gradient_comes_from_the_future_or_another_batch_row(run):
    (given, characters), weights = arguments(run.case, ONE_LAYER), cotangents(run.case, ONE_LAYER)
    for time in range(TIME):
        one = jax.tree.map(np.zeros_like, weights)
        one[0][time, 0] = weights[0][time, 0]
        _, gradients = program(run, ONE_LAYER)(given, characters, one)
        to_inputs = np.asarray(gradients["source"])
        assert not np.any(to_inputs[time + 1 :])
        assert not np.any(to_inputs[:, 1])
        assert np.all(np.any(to_inputs[: time + 1, 0], axis=-1))


@every_run
def test_weights_survive_a_file(run):
    given, characters = arguments(run.case, ONE_LAYER)
    read = safetensors.numpy.load(safetensors.numpy.save(given["layers"][0]))
    again = program(run, ONE_LAYER)(given | {"layers": [read]}, characters, cotangents(run.case, ONE_LAYER))
    assert_same(jax.device_get(again), result(run, ONE_LAYER))
