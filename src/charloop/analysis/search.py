"""The search for the unit that follows a mark: chosen in one half of a text, scored in the other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

ROTATIONS = 500
"""Searches with rotated marks, which measure chance."""
MARGIN = 10
"""Marks are rotated by at least one part in `MARGIN` of their half, so that they lie on another passage."""
ROTATIONS_PER_PRODUCT = 100
"""Rotations that one matrix product evaluates."""


def standard(values: Float[np.ndarray, "time *columns"]) -> Float[np.ndarray, "time *columns"]:
    """Return each column minus its mean, scaled to length 1, so that products are correlations.

    A column that does not move becomes 0.
    """
    centred = values - values.mean(axis=0, dtype=np.float64)
    length = np.sqrt((centred**2).sum(axis=0))
    # What is left of a unit that hardly moves, relative to its size, is rounding.
    still = length <= 1e-5 * np.sqrt((np.asarray(values, float) ** 2).sum(axis=0))
    return np.where(still, 0.0, centred / np.where(still, 1.0, length)).astype(np.float32)


@dataclass(frozen=True)
class Search:
    """The search for one detector: units (standardised) and marks of both halves."""

    first: Float[np.ndarray, "first units"]
    second: Float[np.ndarray, "second units"]
    marks: Float[np.ndarray, " first"]
    held_out: Float[np.ndarray, " second"]

    def choice(self) -> tuple[int, int, float]:
        """Return the best unit of the first half, its sign there, and its score in the second half."""
        indices, signs, scores = self.scores(np.zeros(1, int), np.zeros(1, int))
        return int(indices[0]), int(signs[0]), float(scores[0])

    def chance(self) -> float:
        """Return the greatest score with the marks rotated, at least 0."""
        random = np.random.default_rng(0)
        amounts = [draw_rotations(len(marks), random) for marks in (self.marks, self.held_out)]
        pieces = [
            self.scores(*(amount[start : start + ROTATIONS_PER_PRODUCT] for amount in amounts))[2]
            for start in range(0, ROTATIONS, ROTATIONS_PER_PRODUCT)
        ]
        return max(0.0, float(np.max(pieces)))

    def scores(
        self, by: Int[np.ndarray, " searches"], held_out_by: Int[np.ndarray, " searches"]
    ) -> tuple[Int[np.ndarray, " searches"], Int[np.ndarray, " searches"], Float[np.ndarray, " searches"]]:
        """Return units, signs and scores with the marks of the two halves rotated by these amounts."""
        found = self.first.T @ rotate_marks(self.marks, by)
        indices = np.abs(found).argmax(axis=0)
        signs = np.where(found[indices, np.arange(len(by))] < 0, -1, 1)
        held_out = np.einsum("ts,ts->s", self.second[:, indices], rotate_marks(self.held_out, held_out_by))
        return indices, signs, signs * held_out


def draw_rotations(length: int, random: np.random.Generator) -> Int[np.ndarray, " rotations"]:
    """Return `ROTATIONS` different amounts, each at least a tenth of `length` away from no rotation."""
    least = length // MARGIN
    chosen: Int[np.ndarray, " rotations"] = random.choice(
        np.arange(least, length - least), ROTATIONS, replace=False
    )
    return chosen


def rotate_marks(
    marks: Float[np.ndarray, " time"], by: Int[np.ndarray, " searches"]
) -> Float[np.ndarray, "time searches"]:
    """Return the standardised marks, beginning at each of the positions `by` and wrapping around."""
    positions = (np.arange(len(marks))[:, None] + by) % len(marks)
    turned: Float[np.ndarray, "time searches"] = standard(marks)[positions]
    return turned
