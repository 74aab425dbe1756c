"""Whether a text has fallen into a loop: greedy writing often repeats the same characters for ever."""

from typing import NamedTuple

MIN_ROUNDS, MIN_LENGTH, MAX_PERIOD = 3, 30, 1000
"""The least number of rounds of a loop, its least length in characters, and the most characters of one round."""


class Loop(NamedTuple):
    """The end of a text that repeats itself."""

    period: int
    """The number of characters that are repeated."""
    length: int
    """The number of characters in all rounds together."""


def find_loop(text: str) -> Loop | None:
    """Return the loop of the shortest period that `text` ends in, if there is one."""
    for period in range(1, min(len(text) // MIN_ROUNDS, MAX_PERIOD) + 1):
        length = MIN_ROUNDS * period
        if text[-period:] * MIN_ROUNDS != text[-length:]:
            continue
        while length < len(text) and text[-length - 1] == text[period - length - 1]:
            length += 1
        if length >= MIN_LENGTH:
            return Loop(period, length)
    return None
