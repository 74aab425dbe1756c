"""Writing under constraints: when a text leads to a dead end, the writer goes back and tries another way.

Among what the constraints allow there may be only characters that the network would hardly write: taking one spoils a
word. So where less than `SCARCE` of the probability is allowed, the writer goes back to the last position where more
was, and does not try the same character there again. Where nothing is allowed it has to go back. The state of each
position is kept, so going back costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Integer

from charloop.errors import CharloopError
from charloop.sampling.constraints import Constraint
from charloop.sampling.ending import IdEnding
from charloop.sampling.host_loop import Chooser, HostLoop, TextState

SCARCE = 0.1
"""If less than this probability is left to choose from, by the network's own probabilities, the writer goes back."""
MAX_TAKEN_BACK = 128
"""The most ids that are taken back; earlier ones are final and given out."""
MIN_COUNTED_LENGTH = 100
"""Ids added to the length of the longest text so far when the number of choices is limited."""
LIKELIER_CHOICES, MAX_CHOICES = 10, 100
"""Choices for each id of the longest text so far: for likelier ways, and for any way at all."""


@dataclass(eq=False)
class ChoicePoint:
    """A position at which an id is chosen: the states there, and what may still be chosen."""

    text: TextState
    states: tuple[Any, ...]
    """The state of each constraint."""
    left: Bool[np.ndarray, " vocab"]
    """What the constraints allow and has not been tried."""
    postponed: Bool[np.ndarray, " vocab"] = field(init=False)
    """What was tried and given up for a likelier way, before all that follows it was tried."""
    probabilities: Float64[np.ndarray, " vocab"] = field(init=False)

    def __post_init__(self) -> None:
        self.probabilities, self.postponed = self.text.probabilities(), np.zeros_like(self.left)

    def probability_left(self) -> float:
        """Return the probability of what may still be chosen."""
        return float(self.probabilities[self.left].sum())


class BacktrackingWriter:
    """Writes one text of at most `length` ids that satisfies all `constraints`. The ids `never` are not written."""

    def __init__(
        self,
        loop: HostLoop,
        chooser: Chooser,
        constraints: Sequence[Constraint],
        length: int,
        ending: IdEnding,
        never: Sequence[int] = (),
    ) -> None:
        self._loop, self._chooser, self._constraints = loop, chooser, constraints
        self._length, self._ending, self._never = length, ending, never
        self._max_taken_back = max([MAX_TAKEN_BACK, *map(len, ending.stops)])
        self._written: list[int] = []
        self._points: list[ChoicePoint] = []
        self._given_out, self._choices, self._longest = 0, 0, 0
        self._avoids_unlikely = True

    def write(
        self, first: TextState, prompt: Integer[np.ndarray, " prompt"]
    ) -> Iterator[Integer[np.ndarray, " count"]]:
        """Yield the ids that follow `prompt` in pieces that are final. `first` is the state after the prompt.

        Raises CharloopError if no text that satisfies the constraints is found within the limit on choices.
        """
        self._add_point(first, tuple(each.start(prompt) for each in self._constraints))
        while (end := self._find_end()) is None:
            self._write_one()
            yield self._give_out(len(self._written) - self._max_taken_back)
        yield self._give_out(end)

    def _find_end(self) -> int | None:
        """Return how many ids the text has, if it ends here. If it has to end but may not, nothing is left here."""
        here, count = self._points[-1], len(self._written)
        end = self._ending.find_end(self._written) if count else None
        remaining = self._length - count
        pairs = zip(self._constraints, here.states, strict=True)
        over = any(each.is_over(state, remaining) for each, state in pairs)
        if end is None and remaining and not over:
            return None
        end = count if end is None else end
        last = self._points[end - self._given_out].states
        if self._may_end(last):
            return end
        here.left[:] = False
        return None

    def _may_end(self, states: tuple[Any, ...]) -> bool:
        return all(each.may_end(state) for each, state in zip(self._constraints, states, strict=True))

    def _write_one(self) -> None:
        """Append one id, here or at an earlier position."""
        self._go_back_if_better()
        here = self._points[-1]
        index = self._chooser.choose(here.text, here.left)
        here.left[index] = False
        states = here.states
        if index != self._ending.end:
            states = tuple(e.after(state, index) for e, state in zip(self._constraints, states, strict=True))
        self._written.append(index)
        self._choices, self._longest = self._choices + 1, max(self._longest, len(self._written))
        self._add_point(self._loop.advance(here.text, index), states)

    def _add_point(self, text: TextState, states: tuple[Any, ...]) -> None:
        left = np.ones(text.logits.shape[-1], bool)
        left[list(self._never)] = False
        # At full length nothing more is written: only the constraints' `may_end` counts.
        if remaining := self._length - len(self._written):
            for each, state in zip(self._constraints, states, strict=True):
                left &= each.allowed(state, remaining)
            if self._ending.end is not None:
                # It is no character: constraints only say whether the text may end before it.
                left[self._ending.end] = self._may_end(states)
        self._points.append(ChoicePoint(text, states, left))

    def _go_back_if_better(self) -> None:
        """Leave a point where nothing is left for any other, and one where little is left for a better one."""
        here, length = self._points[-1], self._longest + MIN_COUNTED_LENGTH
        if not here.left.any():
            untried = self._untried_points() or self._untried_points(resume=True)
            if not untried or self._choices >= MAX_CHOICES * length:
                raise self._refusal()
            self._go_back(untried[-1])
        elif self._avoids_unlikely and self._choices < LIKELIER_CHOICES * length:
            share = here.probability_left()
            if share < SCARCE:
                self._go_back(self._likelier_point(share), postponed=True)

    def _untried_points(self, *, resume: bool = False) -> list[int]:
        """Return the points at which something is left. With `resume`, what was postponed counts from now on."""
        if resume:
            self._avoids_unlikely = False
            for point in self._points:
                point.left |= point.postponed
                point.postponed[:] = False
        return [number for number, point in enumerate(self._points) if point.left.any()]

    def _likelier_point(self, share: float) -> int:
        """Return the last point with `SCARCE` or more left, or else the one with most; if none has more, the last."""
        shares = [point.probability_left() for point in self._points]
        enough = [number for number, left in enumerate(shares) if left >= SCARCE]
        best = int(np.argmax(shares))
        return enough[-1] if enough else best if shares[best] > share else len(shares) - 1

    def _go_back(self, number: int, *, postponed: bool = False) -> None:
        """Take back all ids written after point `number`; the first of them is postponed if any of them is."""
        point, later = self._points[number], self._points[number + 1 :]
        if later and (postponed or any(each.postponed.any() for each in later)):
            point.postponed[self._written[self._given_out + number]] = True
        del self._points[number + 1 :]
        del self._written[self._given_out + number :]

    def _give_out(self, end: int) -> Integer[np.ndarray, " count"]:
        """Return the ids up to `end` that have not been given out, and forget their points."""
        piece = np.array(self._written[self._given_out : max(end, self._given_out)], np.int32)
        del self._points[: len(piece)]
        self._given_out += len(piece)
        return piece

    def _refusal(self) -> CharloopError:
        names = " and ".join(each.name for each in self._constraints)
        return CharloopError(
            f"no text that satisfies {names} was found in {self._choices:,} tries; the longest has "
            f"{self._longest:,} characters",
            do="allow more, or try another prompt, seed or temperature",
        )
