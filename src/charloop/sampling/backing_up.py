"""Writing under constraints: what has led into a corner is taken back, and another way is tried.

What the constraints leave over may be a character that the network would hardly write: taken, it spoils a word. So
where less than `SCARCE` of the probability is left, the writer goes back to the last place where more was, and never
tries the same there again. Where nothing is left it must. A place is a value that is kept: going back costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Integer

from charloop.errors import CharloopError
from charloop.sampling.constraints import Constraint
from charloop.sampling.ending import IdEnding
from charloop.sampling.ticking import Chooser, Tick, Ticker

SCARCE = 0.1
"""Probability left to choose from, by the network's own chances, below which a likelier way is looked for."""
REACH = 128
"""Ids that may be taken back; older ones are given out for good."""
HEAD_START = 100
"""Ids that a text is taken to have from the beginning, in the bounds on work."""
LIKELIER, ANY = 10, 100
"""Choices for each id of the longest text so far, within which a likelier way is looked for, and any way at all."""


@dataclass(eq=False)
class Place:
    """Where an id is chosen: how it came to this, and what may still be chosen."""

    tick: Tick
    states: tuple[Any, ...]
    left: Bool[np.ndarray, " vocab"]
    """What the constraints allow and has not been tried."""
    postponed: Bool[np.ndarray, " vocab"] = field(init=False)
    """What was tried, but not to its end: a likelier way was looked for."""
    chances: Float64[np.ndarray, " vocab"] = field(init=False)

    def __post_init__(self) -> None:
        self.chances, self.postponed = self.tick.chances(), np.zeros_like(self.left)

    def share(self) -> float:
        """The probability of what is left."""
        return float(self.chances[self.left].sum())


class Writer:
    """One text of at most `length` ids that keeps to all of `constraints`; `never`: an id that is not written."""

    def __init__(
        self,
        ticker: Ticker,
        chooser: Chooser,
        constraints: Sequence[Constraint],
        length: int,
        ending: IdEnding,
        never: int | None = None,
    ) -> None:
        self._ticker, self._chooser, self._constraints = ticker, chooser, constraints
        self._length, self._ending, self._never = length, ending, never
        self._reach = max(REACH, len(ending.stop))
        self._written: list[int] = []
        self._places: list[Place] = []
        self._given, self._choices, self._longest = 0, 0, 0
        self._choosy = True

    def write(
        self, first: Tick, prompt: Integer[np.ndarray, " prompt"]
    ) -> Iterator[Integer[np.ndarray, " count"]]:
        """The ids after `prompt`, at whose end `first` stands, in pieces none of which is taken back.

        Raises CharloopError where nothing that keeps to the constraints is found within the bounds.
        """
        self._open(first, tuple(each.start(prompt) for each in self._constraints))
        while (end := self._end()) is None:
            self._step()
            yield self._give(len(self._written) - self._reach)
        yield self._give(end)

    def _end(self) -> int | None:
        """How many ids the text has, if it ends here. Where it must end and may not, nothing is left to choose."""
        here, count = self._places[-1], len(self._written)
        cut = self._ending.cut(self._written) if count else None
        room = self._length - count
        over = any(e.is_over(state, room) for e, state in zip(self._constraints, here.states, strict=True))
        if cut is None and room and not over:
            return None
        end = count if cut is None else cut
        last = self._places[end - self._given].states
        if all(each.may_end(state) for each, state in zip(self._constraints, last, strict=True)):
            return end
        here.left[:] = False
        return None

    def _step(self) -> None:
        """One id more, here or after going back."""
        self._go_back_where_better()
        here = self._places[-1]
        index = self._chooser.choose(here.tick, here.left)
        here.left[index] = False
        states = (e.after(state, index) for e, state in zip(self._constraints, here.states, strict=True))
        self._written.append(index)
        self._choices, self._longest = self._choices + 1, max(self._longest, len(self._written))
        self._open(self._ticker.after(here.tick, index), tuple(states))

    def _open(self, tick: Tick, states: tuple[Any, ...]) -> None:
        """A new place, the last."""
        left = np.ones(tick.logits.shape[-1], bool)
        if self._never is not None:
            left[self._never] = False
        room = self._length - len(self._written)
        for each, state in zip(self._constraints, states, strict=True):
            # Where nothing more fits, only the end is asked for.
            left &= each.allowed(state, room) if room else True
        self._places.append(Place(tick, states, left))

    def _go_back_where_better(self) -> None:
        """Leave a place with little to choose from for one with more, within bounds, and one with nothing for any."""
        here, work = self._places[-1], self._longest + HEAD_START
        if not here.left.any():
            untried = self._untried() or self._untried(resumed=True)
            if not untried or self._choices >= ANY * work:
                raise self._refusal()
            self._take_back(untried[-1])
        elif self._choosy and (share := here.share()) < SCARCE and self._choices < LIKELIER * work:
            self._take_back(self._likelier(share), postponed=True)

    def _untried(self, *, resumed: bool = False) -> list[int]:
        """The places at which anything is left; `resumed`: what was postponed too, and nothing is from then on."""
        if resumed:
            self._choosy = False
            for place in self._places:
                place.left |= place.postponed
                place.postponed[:] = False
        return [number for number, place in enumerate(self._places) if place.left.any()]

    def _likelier(self, share: float) -> int:
        """The last place with enough left to choose from, or else the one with most; the last if none has more."""
        shares = [place.share() for place in self._places]
        enough = [number for number, left in enumerate(shares) if left >= SCARCE]
        best = int(np.argmax(shares))
        return enough[-1] if enough else best if shares[best] > share else len(shares) - 1

    def _take_back(self, number: int, *, postponed: bool = False) -> None:
        """All that was written after place `number`; it is `postponed` if a part of it is."""
        place, later = self._places[number], self._places[number + 1 :]
        if later and (postponed or any(each.postponed.any() for each in later)):
            place.postponed[self._written[self._given + number]] = True
        del self._places[number + 1 :]
        del self._written[self._given + number :]

    def _give(self, end: int) -> Integer[np.ndarray, " count"]:
        """Give out the ids up to `end` that were not given yet, and forget how it came to them."""
        piece = np.array(self._written[self._given : max(end, self._given)], np.int32)
        del self._places[: len(piece)]
        self._given += len(piece)
        return piece

    def _refusal(self) -> CharloopError:
        names = " and ".join(each.name for each in self._constraints)
        return CharloopError(
            f"no text that keeps to {names} was found in {self._choices:,} tries, the longest {self._longest:,} long",
            do="allow more, or try another prompt, seed or temperature",
        )
