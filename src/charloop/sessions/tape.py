"""The tokens that a session has read and drawn so far, and how it draws more."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import jax.numpy as jnp

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.along_text import Ages, begin_ages
from charloop.sampling.compiled_loop import (
    BLOCK,
    WritingState,
    make_row_keys,
    place_rows,
    turn_keys,
    write_on,
)
from charloop.sampling.config import SamplingConfig
from charloop.sampling.pickers import Picker, RowKeys, make_picker
from charloop.sessions.mark import NO_IDS, Ids, Mark, Network


@dataclass(eq=False)
class Tape:
    """What a session changes; its values never change, so that a shallow copy is independent.

    Raises CharloopError for settings that do not fit the network, or of several texts.
    """

    network: Network
    config: SamplingConfig
    sample: int = 0
    """Which of the texts of a seed is written."""
    ended: bool = False
    """Whether the text that was written last ended before its length."""
    at: Mark = field(init=False)
    picker: Picker = field(init=False)
    keys: RowKeys = field(init=False)

    def __post_init__(self) -> None:
        self.at = Mark(self.network)
        self.change(self.config, self.sample)

    def change(self, config: SamplingConfig, sample: int) -> None:
        """Draw with these settings from now on."""
        if config.num_samples != 1:
            got = config.num_samples
            raise CharloopError("num_samples of a session", got=got, allowed="1", do="make copies of it")
        known = self.network.vocabulary
        self.picker, self.keys = make_picker(config, known), make_row_keys(config.seed, 1, sample)
        self.config, self.sample = read_stops(config, known), sample

    def draw(self, length: int, first: int) -> Iterator[tuple[WritingState, Ids]]:
        """Yield the next `length` tokens block by block, with the state after each; the place stays as it is.

        The first block has `first` tokens. Raises CharloopError for a network whose logits are not finite.
        """
        if not length:
            return
        parts = self.network.model, self.picker, self.network.placed_params
        for state, ids in write_on(*parts, self.prepare(), length, first):
            yield replace(state, ages=None), ids[:, 0]

    def prepare(self) -> WritingState:
        """Return the state of the network here, with what the settings add to it."""
        keys = turn_keys(self.keys, self.at.history.turns)
        writing: WritingState = replace(self.at.settle(), keys=keys, ages=self._find_ages())
        return place_rows(writing)

    def _find_ages(self) -> Ages | None:
        """Return what a repetition penalty counts, if there is one: it sees no more than its window."""
        if self.config.repetition_penalty == 1:
            return None
        window, history = self.config.repetition_window, self.at.history
        ids, _ = history.last(window or None)
        if not window or len(ids) < window:
            ids = self.network.seen(history)
        ages = begin_ages(self.config, self.network.vocabulary, ids)
        return None if ages is None else jnp.asarray(ages[None])

    def redraw(self, length: int) -> WritingState:
        """Return the state after the next `length` (at least one) tokens."""
        *_, (writing, _) = self.draw(length, BLOCK)
        return writing

    def move(self, place: Mark, ids: Ids, writing: WritingState | None) -> Mark:
        """Go on from `place` by `ids` that were drawn there, and return the new place.

        Raises CharloopError if the tape is somewhere else.
        """
        if self.at is not place:
            raise CharloopError(
                "the session was changed before its stream ended", do="use the stream first, or close it"
            )
        self.at = place.add(ids, is_drawn=True, writing=writing) if len(ids) else place
        return self.at

    def end(self) -> None:
        """Note that the text ended here, with a choice that is no part of it: what is read next begins a turn."""
        self.ended = True
        if not self.at.history.is_drawn:
            self.at = self.at.add(NO_IDS, is_drawn=True)


def read_stops(config: SamplingConfig, vocabulary: Vocabulary) -> SamplingConfig:
    """Return `config` with its stop strings as the network's texts are read."""
    return replace(config, stop=tuple(map(StringReader(vocabulary).read, config.stops)) or None)
