"""A place in the text of a session: the ids before it, and what the network knows there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Integer

from charloop.data import Vocabulary
from charloop.devices import batch_sharding
from charloop.sampling.compiled_loop import WritingState, begin_writing, choose_mesh, read_on
from charloop.sampling.host_loop import HostLoop, TextState
from charloop.sampling.prompt import Beginning, find_text, prepend_beginning
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters

Ids: TypeAlias = Integer[np.ndarray, " ids"]
PART = 512
"""Ids of the same origin that are kept in one array."""


@dataclass(frozen=True, eq=False)
class History:
    """The last ids of a text, all of the same origin, and the text before them."""

    ids: Ids
    is_drawn: bool
    """Whether the network drew them, rather than read them."""
    before: "History | None" = None
    turns: int = 0
    """How often the network has read something after it drew something, also if it kept nothing of that."""

    def add(self, ids: Ids, *, is_drawn: bool) -> "History":
        """Return the text with more ids."""
        if self.is_drawn == is_drawn and len(self.ids) + len(ids) <= PART:
            return History(np.concatenate([self.ids, ids]), is_drawn, self.before, self.turns)
        return History(ids, is_drawn, self, self.turns + (self.is_drawn and not is_drawn))

    def parts(self) -> Iterator["History"]:
        """Yield the text's parts, the last first."""
        part: History | None = self
        while part is not None:
            yield part
            part = part.before

    def last(self, count: int | None = None) -> tuple[Ids, Bool[np.ndarray, " ids"]]:
        """Return the last `count` ids (None: all), and whether the network drew each."""
        ids, drawn, size = [NO_IDS], [np.zeros(0, bool)], 0
        for part in self.parts():
            if count is not None and size >= count:
                break
            ids.append(part.ids)
            drawn.append(np.full(len(part.ids), part.is_drawn))
            size += len(part.ids)
        start = 0 if count is None else max(0, size - count)
        return np.concatenate(ids[::-1])[start:], np.concatenate(drawn[::-1])[start:]

    def last_drawn(self, count: int) -> tuple[int, ...]:
        """Return the last ids, at most `count`, that the network drew since it read something."""
        ids, drawn = self.last(count)
        read = np.flatnonzero(~drawn)
        return tuple(ids[read[-1] + 1 if len(read) else 0 :].tolist())


NO_IDS = np.zeros(0, np.int32)
EMPTY = History(NO_IDS, is_drawn=False)


class Reached(NamedTuple):
    """How far the network has read a text."""

    writing: WritingState | None = None
    """The state of the network before the ids `unread`; None if it has read nothing yet."""
    unread: int = 0
    """How many of the last ids the network has yet to read, which it does when its state is needed."""


NOT_BEGUN = Reached()


@dataclass(eq=False)
class Mark:
    """A place in the text of a session. The text before it never changes."""

    network: "Network"
    history: History = EMPTY
    reached: Reached = NOT_BEGUN
    """Replaced as a whole: another thread may settle the same place, for a copy of the session."""

    def add(self, ids: Ids, *, is_drawn: bool, writing: WritingState | None = None) -> "Mark":
        """Return the place after `ids` that the network reads or draws here, and its state there, if it is known."""
        before, unread = self.reached
        reached = Reached(writing) if writing else Reached(before, unread + len(ids))
        return Mark(self.network, self.history.add(ids, is_drawn=is_drawn), reached)

    def settle(self) -> WritingState:
        """Return the state of the network here. It reads what it has not read yet, unless the text is empty.

        What is read at the beginning of a text depends on what the text begins with.
        """
        writing, unread = self.reached
        if writing is None and not unread:
            return self.network.opening
        ids, drawn = self.history.last(unread)
        writing = self.network.read(writing, ids, int(drawn.sum()))
        self.reached = Reached(writing)
        return writing


@dataclass(frozen=True, eq=False)
class Network:
    """What reads and writes the text of a session and of its copies."""

    model: LanguageModel
    params: Parameters
    vocabulary: Vocabulary
    beginning: Beginning
    unknown: Literal["error", "skip"]
    """What to do with characters of the beginning that the vocabulary lacks."""
    step: int | None = None
    """The training step of its weights, if it is known."""

    @cached_property
    def placed_params(self) -> Parameters:
        """The weights on the device that writes one text: otherwise they would be copied for each block."""
        placed: Parameters = jax.device_put(self.params, batch_sharding(choose_mesh(1)))
        return placed

    @cached_property
    def opening(self) -> WritingState:
        """The state before an empty text."""
        return self.read(None, NO_IDS)

    def read(self, writing: WritingState | None, ids: Ids, written: int = 0) -> WritingState:
        """Return the state after `ids`, of which the network wrote `written`; None is the state before the text."""
        if writing is None:
            ids = prepend_beginning(self.vocabulary, ids, self.beginning, self.unknown)
            begun: WritingState = begin_writing(self.model, self.placed_params, ids, 1, seed=0)
            return replace(begun, position=begun.position + written) if written else begun
        if not len(ids):
            return writing
        return read_on(self.model, self.placed_params, writing, ids, written)

    def state_shapes(self) -> WritingState:
        """Return the shapes and types of the state: nothing is computed."""
        begin = partial(begin_writing, self.model, prompt=np.zeros(1, np.int32), batch_size=1, seed=0)
        shapes: WritingState = jax.eval_shape(begin, self.placed_params)
        return shapes

    def seen(self, history: History) -> Ids:
        """Return the ids of a text, after the context that it continues, if it does."""
        return find_text(self.vocabulary, history.last()[0], self.beginning, self.unknown)

    @cached_property
    def loop(self) -> HostLoop:
        """The loop that writes under constraints."""
        return HostLoop(self.model, self.params)

    def predict(self, writing: WritingState) -> TextState:
        """Return what the network predicts in this state."""
        return self.loop.begin_at(writing)
