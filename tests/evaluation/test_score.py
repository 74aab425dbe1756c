"""The numbers of a score against their definitions; the interval contains the true mean as often as it claims."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.baselines import Baseline, Baselines
from charloop.evaluation import Interval, Score
from charloop.evaluation.score import RunningSums, block_count, interval_of


def test_nats_bits_and_perplexity() -> None:
    score = Score(nats=4 * math.log(8), characters=4)
    assert score.loss == pytest.approx(math.log(8))
    assert score.bits_per_character == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)
    assert Score(nats=1e6, characters=1).perplexity == math.inf, "beyond what floats hold"
    assert (score.interval, score.per_character, score.baselines, score.rank) == (None, None, None, None)
    assert Interval(math.log(2), math.log(4), 30, 64).bits == pytest.approx((1, 2))


def test_a_score_ranks_among_its_baselines() -> None:
    baselines = Baselines((Baseline("uniform", 3.0), Baseline("unigram", 2.0)), 1, 1, 1, 1)
    rank = Score(5.0, 2, baselines=baselines).rank
    assert rank is not None
    assert (rank.beaten, rank.ahead) == (baselines.entries[0], baselines.entries[1])


def score_of(losses: np.ndarray) -> Score:
    sums = RunningSums(len(losses), per_character=False)
    sums.add(np.arange(len(losses)), losses)
    return sums.score()


def slow_interval(losses: list[float], blocks: int) -> tuple[float, float]:
    """Return the interval by its definition, over blocks that are cut out one by one; t from a table."""
    parts: list[list[float]] = [[] for _ in range(blocks)]
    for position, loss in enumerate(losses):
        parts[position * blocks // len(losses)].append(loss)
    means = [sum(part) / len(part) for part in parts]
    middle = sum(means) / blocks
    variance = sum((mean - middle) ** 2 for mean in means) / (blocks - 1)
    t = {10: 2.262157, 11: 2.228139, 15: 2.144787, 20: 2.093024, 30: 2.045230}[blocks]
    loss = sum(losses) / len(losses)
    return loss - t * math.sqrt(variance / blocks), loss + t * math.sqrt(variance / blocks)


@pytest.mark.parametrize(
    ("length", "blocks"), [(640, 10), (703, 10), (704, 11), (1000, 15), (1919, 29), (1920, 30), (5001, 30)]
)
def test_the_interval_is_that_of_the_definition(length: int, blocks: int) -> None:
    losses = np.random.default_rng(length).exponential(2.0, length)
    interval = score_of(losses).interval
    assert interval is not None
    assert (interval.blocks, interval.block_length) == (blocks, length // blocks)
    if blocks != 29:
        expected = slow_interval(list(losses), blocks)
        assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("length", [1, 9, 639])
def test_a_short_text_has_no_interval(length: int) -> None:
    score = score_of(np.ones(length))
    assert score.interval is None
    assert (score.nats, score.characters) == (length, length)


def test_losses_that_are_not_finite_have_no_interval() -> None:
    losses = np.ones(2000)
    losses[7] = np.nan
    assert score_of(losses).interval is None


@given(st.integers(1, 5000), st.data())
def test_the_order_of_arrival_does_not_matter(length: int, data: st.DataObject) -> None:
    losses = np.random.default_rng(length).exponential(1.0, length)
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(length)
    sums = RunningSums(length, per_character=True)
    for part in np.array_split(order, data.draw(st.integers(1, 9))):
        sums.add(part, losses[part])
    score = sums.score()
    assert score.nats == pytest.approx(losses.sum())
    assert score.per_character == pytest.approx(losses.astype(np.float32))
    assert block_count(length) == 0 or min(np.diff(np.arange(block_count(length) + 1) * length)) >= 64


def dependent(runs: int, length: int) -> np.ndarray:
    """Losses around 2 that are correlated over some fifty characters, a row for each run."""
    noise = np.random.default_rng(0).normal(0, 0.1, (runs, length))
    for position in range(1, length):
        noise[:, position] += 0.95 * noise[:, position - 1]
    return 2 + noise


def test_the_interval_contains_the_true_mean_as_often_as_it_says() -> None:
    """95 of 100 times with blocks; with characters as independent draws, far less often."""
    runs, length = 400, 6000
    held = naive = 0
    for losses in dependent(runs, length):
        interval = score_of(losses).interval
        assert interval is not None
        held += bool(interval.low <= 2 <= interval.high)
        naive += bool(abs(losses.mean() - 2) <= 1.96 * losses.std() / math.sqrt(length))
    assert 0.92 <= held / runs <= 0.98
    assert naive / runs < 0.5


def test_no_loss_is_below_zero() -> None:
    assert interval_of([0.0, 0.0, 9.0], 3.0, 64).low == 0
