"""Paired differences: by the definition, against SciPy's distribution, and with the error rate that they claim."""

import math

import numpy as np
import pytest
from scipy import stats

from charloop.evaluation import paired_difference


@pytest.mark.parametrize("length", [640, 703, 1000, 1920, 5001])
def test_the_difference_is_that_of_the_definition(length: int) -> None:
    chance = np.random.default_rng(length)
    hard = chance.exponential(2.0, length)
    first, second = (hard + chance.exponential(0.5, length)).astype(np.float32), hard.astype(np.float32)
    found = paired_difference(first, second)
    assert found is not None
    blocks = min(30, length // 64)
    parts: list[list[float]] = [[] for _ in range(blocks)]
    for position in range(length):
        parts[position * blocks // length].append(float(first[position]) - float(second[position]))
    means = [sum(part) / len(part) for part in parts]
    assert found.blocks == blocks
    assert found.nats == pytest.approx(float(first.mean()) - float(second.mean()), abs=1e-5)
    test = stats.ttest_1samp(means, 0.0)
    # The middle is the mean of the characters: the same but for blocks of unequal length.
    error = test.statistic and np.mean(means) / test.statistic
    assert found.p_value == pytest.approx(
        2 * stats.t.sf(abs(found.nats) / error, blocks - 1), rel=1e-6, abs=1e-14
    )
    reach = stats.t.ppf(0.975, blocks - 1) * error
    assert (found.low, found.high) == pytest.approx((found.nats - reach, found.nats + reach), rel=1e-3)
    assert found.bits == pytest.approx([v / math.log(2) for v in (found.nats, found.low, found.high)])


def test_swapping_the_networks_changes_only_the_sign() -> None:
    chance = np.random.default_rng(0)
    first, second = chance.exponential(2.0, (2, 2000)).astype(np.float32)
    one, two = paired_difference(first, second), paired_difference(second, first)
    assert one is not None
    assert two is not None
    assert (one.nats, one.low, one.high) == pytest.approx((-two.nats, -two.high, -two.low))
    assert one.p_value == pytest.approx(two.p_value)


def test_what_is_difficult_for_both_cancels_out() -> None:
    """Passages differ far more than the networks do, and the paired difference is significant nevertheless."""
    chance = np.random.default_rng(1)
    hard = np.repeat(chance.exponential(3.0, 60), 100).astype(np.float32)
    better = hard + chance.normal(0, 0.1, len(hard)).astype(np.float32)
    found = paired_difference(better + np.float32(0.02), better[::1].copy())
    noisy = paired_difference(better + np.float32(0.02), hard)
    assert found is not None
    assert noisy is not None
    assert found.p_value < 1e-9
    assert noisy.p_value < 0.001
    assert noisy.low > 0


@pytest.mark.parametrize("reach", [1, 40])
def test_false_positives_are_as_frequent_as_the_p_value_says(reach: int) -> None:
    """Noise that is correlated over `reach` characters: p is below 0.05 about one time in twenty."""
    chance, false = np.random.default_rng(reach), 0
    rounds = 600
    for _ in range(rounds):
        noise = np.convolve(chance.normal(size=6000 + reach - 1), np.ones(reach), "valid")
        found = paired_difference(noise.astype(np.float32), np.zeros(6000, np.float32))
        assert found is not None
        false += found.p_value < 0.05
    assert 0.025 < false / rounds < 0.085


def test_equal_losses_have_no_difference() -> None:
    losses = np.random.default_rng(0).exponential(2.0, 700).astype(np.float32)
    found = paired_difference(losses, losses)
    assert found is not None
    assert (found.nats, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_too_few_characters_and_losses_that_are_not_finite() -> None:
    assert paired_difference(np.ones(639, np.float32), np.zeros(639, np.float32)) is None
    broken = np.ones(700, np.float32)
    broken[3] = np.inf
    assert paired_difference(broken, np.zeros(700, np.float32)) is None
