"""The points that a sweep tries: the i-th depends on the space, the seed and i, with bayes on earlier losses too."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice

from charloop.comparison.search.space import Point, Space
from charloop.errors import CharloopError

DEFAULT_TRIALS = 20
MOST_POINTS = 1000
"""A larger grid is tried in full only if the number of trials is given."""
DRAWS = 1000
"""Draws for each point: in a small space, some points are drawn again and again."""


def count_trials(space: Space, asked: int | None) -> int:
    """Return how many trials there are if `asked` are asked for: no more than the space has points."""
    size = space.size
    if space.method == "grid" and asked is None and size and size > MOST_POINTS:
        raise CharloopError(f"the grid has {size:,} points", do="give the number to try: --trials 50")
    asked = asked or (size if space.method == "grid" else None) or DEFAULT_TRIALS
    return min(asked, size) if size else asked


def first_points(space: Space, seed: int, count: int) -> list[Point]:
    """Return the first points of a grid or of random draws, at most `count`: raising it keeps the first ones."""
    points = grid_points(space) if space.method == "grid" else random_points(space, seed)
    return list(islice(points, count))


def grid_points(space: Space) -> Iterator[Point]:
    """Yield all points of a finite space; the last parameter varies fastest."""
    sizes = [parameter.size or 1 for parameter in space.parameters]
    for number in range(math.prod(sizes)):
        indices = []
        for size in reversed(sizes):
            number, index = divmod(number, size)
            indices.append(index)
        yield {p.name: p.value(i) for p, i in zip(space.parameters, reversed(indices), strict=True)}


def random_points(space: Space, seed: int) -> Iterator[Point]:
    """Yield points drawn at random, each once; it ends when the space does, or when nothing new is drawn."""
    seen: set[str] = set()
    for draw in range(2**62):
        if len(seen) == space.size or draw >= DRAWS * (len(seen) + 1):
            return
        # Of all generators, Python's documentation promises the same numbers in later versions of this one alone.
        chance = random.Random(f"{seed} {draw}")
        point = {parameter.name: parameter.at(chance.random()) for parameter in space.parameters}
        if repr(point) not in seen:
            seen.add(repr(point))
            yield point


def unseen_point(space: Space, seed: int, earlier: Sequence[Point]) -> Point | None:
    """Return the first random point that is not among `earlier`; None if there is none."""
    known = {repr(point) for point in earlier}
    return next((point for point in random_points(space, seed) if repr(point) not in known), None)
