"""Whether a text has fallen into a loop: greedy writing often repeats the same characters for ever."""

from typing import NamedTuple

from charloop.sampling.config import SamplingConfig

MIN_ROUNDS, MIN_LENGTH, MAX_PERIOD = 3, 30, 1000
"""The least number of rounds of a loop, its least length in characters, and the most characters of one round."""

LOW_TEMPERATURE = 0.3
"""Temperatures from here on hardly ever make loops."""


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


def is_prone_to_loops(config: SamplingConfig) -> bool:
    """Return whether a loop is the fault of the settings: a text of `config` takes likely characters only.

    At other settings, a text that repeats itself is what the network has learned: a level of a game, a table.
    """
    temperatures = config.temperature if isinstance(config.temperature, tuple) else (config.temperature,)
    return min(temperatures) < LOW_TEMPERATURE or config.top_k == 1
