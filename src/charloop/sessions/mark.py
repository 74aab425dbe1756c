"""A place in the text of a session, and what the network knows there."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import jax
import numpy as np

from charloop.data import Vocabulary
from charloop.devices import batch_sharding
from charloop.sampling.compiled_loop import WritingState, begin_writing, choose_mesh, read_on
from charloop.sampling.host_loop import HostLoop, TextState
from charloop.sampling.prompt import Beginning, find_text, prepend_beginning
from charloop.sampling.protocols import LanguageModel
from charloop.sessions.history import EMPTY, NO_IDS, History, Ids
from charloop.types import Parameters


@dataclass(eq=False)
class Mark:
    """A place in the text of a session. The text before it never changes."""

    network: "Network"
    history: History = EMPTY
    writing: WritingState | None = None
    """The state of the network before the ids `unread`; None if it has read nothing yet."""
    unread: int = 0
    """How many of the last ids the network has yet to read, which it does when its state is needed."""

    def read(self, ids: Ids) -> "Mark":
        """Return the place after more `ids` to read."""
        history = self.history.add(ids, is_drawn=False)
        return Mark(self.network, history, self.writing, self.unread + len(ids))

    def draw(self, ids: Ids, writing: WritingState | None = None) -> "Mark":
        """Return the place after `ids` that the network drew here, and its state there, if it is known."""
        history = self.history.add(ids, is_drawn=True)
        if writing is not None:
            return Mark(self.network, history, writing)
        return Mark(self.network, history, self.writing, self.unread + len(ids))

    def settle(self) -> WritingState:
        """Return the state of the network here. It reads what it has not read yet, unless the text is empty.

        What is read at the beginning of a text depends on what the text begins with.
        """
        if self.writing is None and not self.unread:
            return self.network.opening
        ids, drawn = self.history.last(self.unread)
        self.writing, self.unread = self.network.read(self.writing, ids, int(drawn.sum())), 0
        return self.writing

    def settled(self) -> "Mark":
        """Return the same place, before which all is read, also if the text is empty."""
        return Mark(self.network, self.history, self.settle())


@dataclass(frozen=True, eq=False)
class Network:
    """What reads and writes the text of a session and of its copies."""

    model: LanguageModel
    params: Parameters
    vocabulary: Vocabulary
    beginning: Beginning
    unknown: Literal["error", "skip"]
    """What to do with characters of the beginning that the vocabulary lacks."""

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
        return find_text(self.vocabulary, history.ids_so_far, self.beginning, self.unknown)

    @cached_property
    def loop(self) -> HostLoop:
        """The loop that writes under constraints."""
        return HostLoop(self.model, self.params)

    def predict(self, writing: WritingState) -> TextState:
        """Return what the network predicts in this state."""
        return self.loop.begin_at(writing)
