"""One compiled program per cell, unrolling and depth, which most tests share: values and gradients.

Its cotangents are arguments, so that one compilation answers for all gradients, for the past and the future, and
for one batch row and the other.
"""

from functools import cache

import jax
import numpy as np

from cells import oracle
from cells.compiling import quick_jit
from cells.table import HIDDEN, Case, Run
from charloop.unroll import UNROLLINGS, Lookup

TIME, BATCH, INPUT, VOCAB = 4, 2, 5, 11
ONE_LAYER, DEEP = SETTINGS = ("1 features", "2 lookup")
"""Number of layers, and what the first layer reads."""


def arguments(case: Case, setting: str, *, time: int = TIME, batch: int = BATCH):
    """Return random weights, a source and states, and the characters that look up rows of the source."""
    depth, kind = setting.split()
    random, cell = np.random.default_rng(3), case.build()

    def noise(*shape):
        return random.normal(size=shape).astype(np.float32)

    def layer(index: int):
        shapes = jax.eval_shape(
            lambda key: cell.init(key, cell.hidden_size if index else INPUT), jax.random.key(0)
        )
        return {name: noise(*leaf.shape) / 2 for name, leaf in shapes.items()}

    return {
        "layers": [layer(index) for index in range(int(depth))],
        "source": noise(VOCAB, INPUT) if kind == "lookup" else noise(time, batch, INPUT),
        "states": [jax.tree.map(lambda x: noise(*x.shape), zeros(case, batch)) for _ in range(int(depth))],
    }, random.integers(0, VOCAB, (time, batch)).astype(np.int32)


def zeros(case: Case, batch: int):
    """Return a state of zeros with the right shapes."""
    shapes = jax.eval_shape(lambda: case.build().initial_state(batch))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)


def forward(run: Run, setting: str, arguments, characters):
    """Return the last layer's outputs, and every layer's last state."""
    inputs, states = arguments["source"], []
    inputs = Lookup(inputs, characters) if setting.endswith("lookup") else inputs
    for params, state in zip(arguments["layers"], arguments["states"], strict=True):
        state, inputs = UNROLLINGS[run.unrolling](run.case.build(), params, inputs, state)
        states.append(state)
    return inputs, states


def values_and_gradients(function, arguments, cotangents):
    """Return `function(*arguments)`, and the gradients of its product with `cotangents` by the arguments."""
    values, back = jax.vjp(function, *arguments)
    return values, back(cotangents)


def pull(run: Run, setting: str, arguments, characters, cotangents):
    """Return `forward`'s values, and the gradients of their product with `cotangents` by each of `arguments`."""
    value, (gradients,) = values_and_gradients(
        lambda some: forward(run, setting, some, characters), [arguments], cotangents
    )
    return value, gradients


@cache
def program(run: Run, setting: str):
    return quick_jit(lambda *given: pull(run, setting, *given))


def cotangents(case: Case, setting: str, *, time: int = TIME, batch: int = BATCH):
    """Return a weight for each number that `forward` returns."""
    random, depth = np.random.default_rng(4), int(setting.split()[0])
    shapes = np.zeros((time, batch, HIDDEN)), [zeros(case, batch)] * depth
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), shapes)


@cache
def result(run: Run, setting: str):
    """Return values and gradients on the standard arguments."""
    given = *arguments(run.case, setting), cotangents(run.case, setting)
    return jax.device_get(program(run, setting)(*given))


def oracle_run(case: Case, setting: str, arguments, characters):
    """Return the values of `forward`, computed by NumPy."""
    given = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), arguments)
    source = given["source"]
    inputs = source[np.asarray(characters)] if setting.endswith("lookup") else source
    return oracle.run(case.equations, given["layers"], inputs, given["states"])


def assert_close(actual, expected, tolerance: float = 1e-5) -> None:
    """Check that all leaves agree within `tolerance`; the message names the leaf that does not."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    pairs = zip(jax.tree.leaves_with_path(actual), jax.tree.leaves(expected), strict=True)
    for (path, left), right in pairs:
        name = jax.tree_util.keystr(path)
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance, err_msg=name)


def assert_same(actual, expected) -> None:
    """Check that all leaves are equal bit for bit."""
    assert_close(actual, expected, tolerance=0)
