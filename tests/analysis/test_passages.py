"""The passages where a unit is highest, against a search of every position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.analysis import Passage, find_passages
from charloop.errors import CharloopError


def test_the_highest_first_and_cut_at_the_texts_ends() -> None:
    values = np.zeros(30)
    values[[1, 15, 29]] = 2, 3, 1
    assert find_passages(values, "x" * 30, width=6) == (
        Passage(12, 18, 15),
        Passage(0, 4, 1),
        Passage(26, 30, 29),
    )
    assert find_passages(-values, "x" * 30, count=1, width=6)[0].peak == 0


@given(st.lists(st.integers(-5, 5), max_size=60), st.integers(1, 5), st.integers(1, 20))
def test_none_overlap_and_none_higher_is_left(values: list[int], count: int, width: int) -> None:
    array = np.array(values, float)
    found = find_passages(array, "x" * len(values), count, width)
    assert len(found) <= count
    taken = np.zeros(len(values), int)
    for passage in found:
        assert 0 <= passage.start <= passage.peak < passage.stop <= len(values)
        assert passage.stop - passage.start <= width
        free = [
            p for p in range(len(values)) if not taken[max(0, p - width // 2) : p - width // 2 + width].any()
        ]
        assert array[passage.peak] == max(array[p] for p in free)
        taken[passage.start : passage.stop] += 1
    assert not (taken > 1).any()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((np.zeros(3), "four"), "values: got 3; allowed: one for each of 4 characters"),
        ((np.zeros(4), "four", 0), "count: got 0"),
        ((np.zeros(4), "four", 1, 0), "width: got 0"),
    ],
)
def test_what_does_not_fit_is_refused(given: tuple, said: str) -> None:
    with pytest.raises(CharloopError, match=said):
        find_passages(*given)
