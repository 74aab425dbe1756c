"""Where in a text a unit is most active."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from charloop.errors import CharloopError


@dataclass(frozen=True)
class Passage:
    """`text[start:stop]`, and the position in the text where the unit is highest."""

    start: int
    stop: int
    peak: int


def find_passages(
    values: Float[np.ndarray, " time"], text: str, count: int = 3, width: int = 60
) -> tuple[Passage, ...]:
    """Return the `count` passages of up to `width` characters around the highest of `values`, the highest first.

    No two overlap, so there may be fewer. To find where a unit is lowest, pass `-values`.
    Raises CharloopError where `values` are not one for each character, and for a `count` or `width` below 1.
    """
    if len(values) != len(text):
        raise CharloopError("values", got=len(values), allowed=f"one for each of {len(text)} characters")
    for name, given in (("count", count), ("width", width)):
        if given < 1:
            raise CharloopError(name, got=given, allowed="1 or more")
    taken: list[Passage] = []
    for peak in map(int, np.argsort(-values, kind="stable")):
        if len(taken) == count:
            break
        start = max(0, peak - width // 2)
        passage = Passage(start, min(len(text), peak - width // 2 + width), peak)
        if all(passage.stop <= other.start or other.stop <= passage.start for other in taken):
            taken.append(passage)
    return tuple(taken)
