"""The loss by kernels against its definition in float64, and its gradient against optax's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.engines import XLA, Engine
from charloop.kernels.engine import Kernels
from charloop.loss import cross_entropy
from choosing import mostly_slow
from kernels.direct import MACHINES

VOCABS = mostly_slow((1, 2, 7, 16, 17, 65, 300), {1, 16, 17, 300}.__contains__)


@pytest.fixture(params=MACHINES)
def engine(request: pytest.FixtureRequest) -> Kernels:
    """For vectors of each width."""
    return Kernels(MACHINES[request.param])


def problem(vocab: int, spread: float = 5.0) -> tuple[jax.Array, jax.Array, jax.Array]:
    random = np.random.default_rng(vocab)
    logits = spread * random.normal(size=(5, 3, vocab)) + 100 * random.normal(size=(5, 3, 1))
    targets = random.integers(0, vocab, (5, 3))
    return jnp.float32(logits), jnp.int32(targets), jnp.float32(random.normal(size=(5, 3)))


@pytest.mark.parametrize("vocab", VOCABS)
def test_nats_are_what_the_definition_says(vocab: int, engine: Kernels) -> None:
    logits, targets, _ = problem(vocab)
    exact = np.float64(logits)
    exact -= exact.max(-1, keepdims=True)
    given = np.take_along_axis(exact, np.asarray(targets)[..., None], -1)[..., 0]
    found = cross_entropy(logits, targets, engine=engine)
    # Of logits around 100, float32 keeps 1e-5.
    np.testing.assert_allclose(found, np.log(np.exp(exact).sum(-1)) - given, atol=5e-5)


@pytest.mark.parametrize("vocab", VOCABS)
def test_the_gradient_is_that_of_optax(vocab: int, engine: Kernels) -> None:
    logits, targets, weights = problem(vocab)

    def pulled(engine: Engine) -> jax.Array:
        return jax.grad(lambda x: (cross_entropy(x, targets, engine=engine) * weights).sum())(logits)

    np.testing.assert_allclose(pulled(engine), pulled(XLA), atol=3e-5)
    # The probability minus one at the target: each row sums to 0.
    np.testing.assert_allclose(pulled(engine).sum(-1), 0, atol=3e-5)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_nan_is_passed_on(poison: float, engine: Kernels) -> None:
    logits, targets, _ = problem(9)
    logits = logits.at[2, 1, 4].set(poison)
    found, expected = (cross_entropy(logits, targets, engine=engine) for engine in (engine, XLA))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


def test_a_target_beyond_the_vocabulary_reads_no_other_memory(engine: Kernels) -> None:
    logits, targets, _ = problem(9)
    wild = targets.at[0, 0].set(2**31 - 1).at[1, 1].set(-1)
    tame = targets.at[0, 0].set(8).at[1, 1].set(8)
    found, expected = (cross_entropy(logits, some, engine=engine) for some in (wild, tame))
    np.testing.assert_array_equal(found, expected)


def test_logits_are_whole_after_their_gradient_replaced_them(engine: Kernels) -> None:
    """A buffer that is still needed is copied first."""
    logits, targets, weights = problem(65)

    @jax.jit
    def both(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
        doubled = 2 * logits
        _, pull = jax.vjp(lambda x: cross_entropy(x, targets, engine=engine), doubled)
        return pull(weights)[0], doubled

    gradient, doubled = both(logits)
    np.testing.assert_array_equal(doubled, 2 * logits)
    assert np.abs(gradient).max() > 0
