"""The loop at the end of a text: against a comparison of all periods, one character at a time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.cli.terminal.loop_notes import Loop, find_loop, is_prone_to_loops
from charloop.sampling import SamplingConfig


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


@pytest.mark.parametrize(
    ("settings", "prone"),
    [
        ({"temperature": 0.0}, True),
        ({"temperature": 0.1}, True),
        ({"temperature": (1.0, 0.1)}, True),
        ({"top_k": 1}, True),
        ({}, False),
        ({"temperature": 0.3}, False),
        ({"temperature": (0.5, 0.8), "top_k": 2}, False),
    ],
    ids=str,
)
def test_only_settings_that_take_likely_characters_are_prone_to_loops(
    settings: dict[str, Any], prone: bool
) -> None:
    assert is_prone_to_loops(SamplingConfig(**settings)) is prone
