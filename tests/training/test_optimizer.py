"""Learning rates computed by hand, weight decay, and clipping."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.config import TrainingConfig
from charloop.training.optimizer import apply_updates, make_optimizer
from charloop.training.schedule import learning_rate

NAMES = {"embedding.weight": 2, "rnn.weight_hh_l0": 2, "rnn.bias_hh_l0": 1, "rnn.norm_scale_l0": 1}
PARAMS = {name: jnp.ones([3] * axes) for name, axes in NAMES.items()}


def rates(config: TrainingConfig, *moments: tuple[int, float, float]) -> list[float]:
    return [learning_rate(config, step=s, epoch=e, progress=p) for s, e, p in moments]


def along(config: TrainingConfig, *progress: float) -> list[float]:
    return rates(config, *[(1000, 0.0, share) for share in progress])


def test_warm_up_climbs_evenly_to_the_peak_and_stays() -> None:
    config = TrainingConfig(learning_rate=0.8, warmup_steps=4, decay="constant")
    got = rates(config, *[(step, 0.0, 0.0) for step in range(6)])
    assert got == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_without_warm_up_the_first_step_is_at_the_peak() -> None:
    assert rates(TrainingConfig(learning_rate=0.8, warmup_steps=0), (0, 0.0, 0.0)) == pytest.approx([0.8])


def test_cosine_is_half_way_down_half_way_along() -> None:
    config = TrainingConfig(learning_rate=2.0, decay="cosine")
    expected = [2.0, 1 + math.cos(math.pi / 4), 1.0, 1 - math.cos(math.pi / 4), 0.0]
    assert along(config, 0.0, 0.25, 0.5, 0.75, 1.0) == pytest.approx(expected, abs=1e-6)


def test_cosine_and_linear_end_at_the_final_fraction() -> None:
    for decay, half in (("cosine", 1.2), ("linear", 1.2)):
        config = TrainingConfig(learning_rate=2.0, decay=decay, final_fraction=0.2)
        assert along(config, 0.0, 0.5, 1.0) == pytest.approx([2.0, half, 0.4])
    linear = TrainingConfig(learning_rate=2.0, decay="linear")
    assert along(linear, 0.25, 0.75) == pytest.approx([1.5, 0.5])


def test_wsd_stays_at_the_peak_and_falls_in_a_line_over_the_last_tenth() -> None:
    """Hu et al. 2024: the peak until step S, then f(t - S) times the peak; here f is a line to the final fraction."""
    config, total, begin = TrainingConfig(learning_rate=2.0, decay="wsd", final_fraction=0.2), 1000, 900
    for step in (0, 500, begin, 925, 950, 999, total):
        expected = 2.0 if step <= begin else 2.0 * (1 - 0.8 * (step - begin) / (total - begin))
        assert along(config, step / total) == pytest.approx([expected])
    assert along(config, 1.0) == pytest.approx([0.4])


def test_step_decay_is_char_rnns() -> None:
    """`if epoch >= learning_rate_decay_after then lr = lr * decay`, once per epoch from there on."""
    config = TrainingConfig(learning_rate=2.0, warmup_steps=0, decay="step", decay_rate=0.5, decay_after=2)
    epochs = [0.0, 1.9, 2.0, 2.9, 3.0, 4.5]
    assert rates(config, *[(9, e, 0.9) for e in epochs]) == pytest.approx([2, 2, 1, 1, 0.5, 0.25])


def test_constant_is_constant() -> None:
    assert along(TrainingConfig(learning_rate=2.0, decay="constant"), 0.0, 0.5, 1.0) == [2.0, 2.0, 2.0]


def test_warm_up_and_decay_multiply() -> None:
    config = TrainingConfig(learning_rate=2.0, warmup_steps=10, decay="linear")
    assert rates(config, (4, 0.0, 0.5)) == pytest.approx([2.0 * 0.5 * 0.5])


def test_weight_decay_pulls_on_matrices_and_on_nothing_else() -> None:
    still = jax.tree.map(jnp.zeros_like, PARAMS)
    rule = make_optimizer(TrainingConfig(optimizer="adamw", weight_decay=0.25))
    updates, _ = rule.update(still, rule.init(PARAMS), PARAMS)
    moved = apply_updates(PARAMS, updates, jnp.float32(0.5))
    pulled = {name for name in PARAMS if not np.array_equal(moved[name], PARAMS[name])}
    assert pulled == {"embedding.weight", "rnn.weight_hh_l0"}
    np.testing.assert_allclose(moved["embedding.weight"], 1 - 0.5 * 0.25, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_the_other_rules_do_not_decay_weights(optimizer: str) -> None:
    rule = make_optimizer(TrainingConfig(optimizer=optimizer, weight_decay=0.25))
    updates, _ = rule.update(jax.tree.map(jnp.zeros_like, PARAMS), rule.init(PARAMS), PARAMS)
    assert all(not np.any(update) for update in updates.values())


@pytest.mark.parametrize(("longest", "length"), [(1.0, 1.0), (100.0, 5.0), (0.0, 5.0)])
def test_a_gradient_longer_than_the_clip_is_shortened_to_it(longest: float, length: float) -> None:
    params = {"a": jnp.zeros(1), "b": jnp.zeros((1, 1))}
    gradient = {"a": jnp.full(1, 3.0), "b": jnp.full((1, 1), -4.0)}
    rule = make_optimizer(TrainingConfig(optimizer="sgd", clip_norm=longest))
    updates, _ = rule.update(gradient, rule.init(params), params)
    assert float(updates["a"][0]) == pytest.approx(0.6 * length)
    assert float(updates["b"][0, 0]) == pytest.approx(-0.8 * length)


def test_no_state_of_a_rule_holds_the_rate() -> None:
    """So a change of the rate keeps the moments."""
    states = [make_optimizer(TrainingConfig(learning_rate=rate)).init(PARAMS) for rate in (0.1, 0.2)]
    first, second = map(jax.tree.leaves, states)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
