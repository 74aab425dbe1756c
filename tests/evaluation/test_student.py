"""Student's distribution, against another library's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charloop.evaluation.student import chance_beyond, student


@given(st.floats(0, 60), st.integers(1, 60))
def test_the_chance_is_that_of_students_distribution(t: float, freedom: int) -> None:
    assert chance_beyond(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-6, abs=1e-14)


def test_the_ends_of_the_distribution() -> None:
    for freedom in (1, 2, 9, 10, 29):
        assert chance_beyond(0.0, freedom) == 1
        assert chance_beyond(math.inf, freedom) == pytest.approx(0, abs=1e-15)


@given(st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.integers(1, 60))
def test_the_quantile_is_the_other_librarys(level: float, freedom: int) -> None:
    assert student(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)
