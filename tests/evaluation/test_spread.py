"""Means over seeds: against SciPy's t test, and with the error rate that they claim."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charloop.evaluation import Spread


@given(st.lists(st.integers(-5_000_000, 5_000_000), min_size=2, max_size=9, unique=True))
def test_it_is_the_one_sample_t_test(millionths: list[int]) -> None:
    values = [value / 1e6 for value in millionths]
    found = Spread.of(values)
    test = stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-12)
    assert found.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-9)
    assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-6, abs=1e-12)


def test_one_seed_has_no_spread() -> None:
    assert Spread.of([1.5]) == Spread(1.5, 1, None)
    assert Spread.of([1.5]).interval is Spread.of([1.5]).p_value is None


def test_equal_values_have_a_p_value_of_0_or_1() -> None:
    assert (Spread.of([0.0, 0.0]).p_value, Spread.of([0.5, 0.5]).p_value) == (1.0, 0.0)


def test_nan_is_not_averaged_away() -> None:
    found = Spread.of([1.0, math.inf, 2.0])
    assert math.isnan(found.mean)
    assert found.interval is None


def test_three_seeds_of_equal_networks_differ_as_often_as_it_says() -> None:
    chance = np.random.default_rng(0)
    false = [(Spread.of(chance.normal(size=3).tolist()).p_value or 0.0) < 0.05 for _ in range(4000)]
    assert 0.038 < np.mean(false) < 0.062
