"""The loop at the end of a text: against a comparison of all periods, one character at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.sampling.loops import Loop, find_loop


def twin_of_loops(text: str) -> Loop | None:
    """The shortest period whose rounds at the end are three or more and have 30 characters or more."""
    for period in range(1, len(text) + 1):
        length = period
        while length < len(text) and text[len(text) - length - 1] == text[len(text) - length - 1 + period]:
            length += 1
        if length >= max(30, 3 * period):
            return Loop(period, length)
    return None


@given(st.text("ab", max_size=20), st.text("ab", min_size=1, max_size=14), st.integers(1, 40))
def test_the_loop_of_the_shortest_period(before: str, rounds: str, count: int) -> None:
    text = before + rounds * count
    assert find_loop(text) == twin_of_loops(text)


@pytest.mark.parametrize("text", ["", "a" * 29, "abcdefghijklmnopqrst" * 2, "a" * 100 + "b"])
def test_no_loop(text: str) -> None:
    assert find_loop(text) is None
