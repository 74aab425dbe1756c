"""Witten-Bell by its equations, with dictionaries, one character at a time."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence


class SlowWittenBell:
    """Counts of every n-gram of `train` up to `highest`."""

    def __init__(self, train: Sequence[int], vocab_size: int, highest: int) -> None:
        self.vocab_size = vocab_size
        self.followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for position, token in enumerate(train):
            for reach in range(min(highest, position + 1)):
                self.followers[tuple(train[position - reach : position])][token] += 1

    def probability(self, token: int, context: tuple[int, ...]) -> float:
        """Return p(token | context), for the order len(context) + 1."""
        lower = self.probability(token, context[1:]) if context else 1 / self.vocab_size
        seen = self.followers.get(context)
        if not seen:
            return lower
        count, kinds = sum(seen.values()), len(seen)
        return (seen[token] + kinds * lower) / (count + kinds)

    def nats(self, text: Sequence[int], order: int) -> list[float]:
        """Return the nats of each of `text[1:]`; contexts begin in `text`."""
        return [
            -math.log(self.probability(text[position], tuple(text[max(0, position - order + 1) : position])))
            for position in range(1, len(text))
        ]
