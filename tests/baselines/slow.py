"""Witten-Bell by its equations, with dictionaries, one character at a time."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence


class SlowWittenBell:
    """Counts of every n-gram of `train` up to `highest`."""

    def __init__(self, train: Sequence[int], vocab_size: int, highest: int, end: int | None = None) -> None:
        self.vocab_size = vocab_size
        self.end = end
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for position, token in enumerate(train):
            for reach in range(highest):
                if len(context := self.context(train, position, reach)) == reach:
                    self.followers[context][token] += 1

    def context(self, tokens: Sequence[int], position: int, longest: int) -> tuple[int, ...]:
        """Return up to `longest` tokens before `position`; none before the token `end`."""
        found: list[int] = []
        while len(found) < min(longest, position) and (not found or found[0] != self.end):
            found.insert(0, tokens[position - len(found) - 1])
        return tuple(found)

    def probability(self, token: int, context: tuple[int, ...]) -> float:
        """Return p(token | context), for the order len(context) + 1."""
        lower = self.probability(token, context[1:]) if context else 1 / self.vocab_size
        seen = self.followers.get(context)
        if not seen:
            return lower
        count, kinds = sum(seen.values()), len(seen)
        return (seen[token] + kinds * lower) / (count + kinds)

    def nats(self, text: Sequence[int], order: int) -> list[float]:
        """Return the nats of each of `text[1:]`; contexts begin in `text`, and in the document."""
        return [
            -math.log(self.probability(text[position], self.context(text, position, order - 1)))
            for position in range(1, len(text))
        ]
