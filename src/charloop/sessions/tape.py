"""How a session goes on: freely in compiled blocks, or under constraints one token at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import jax.numpy as jnp
import numpy as np

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.along_text import Ages, begin_ages
from charloop.sampling.bias import find_forbidden
from charloop.sampling.compiled_loop import (
    BLOCK,
    WritingState,
    make_row_keys,
    place_rows,
    turn_keys,
    write_on,
)
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constraints import Constraint
from charloop.sampling.constraints.backtracking import BacktrackingWriter
from charloop.sampling.ending import IdEnding, as_characters, make_id_ending
from charloop.sampling.host_loop import Chooser
from charloop.sampling.pickers import Picker, RowKeys, make_picker
from charloop.sampling.protocols import Decoder
from charloop.sessions.mark import NO_IDS, Ids, Mark, Network

MAX_HELD = 3
"""The most bytes of a character of UTF-8 that is not complete."""


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


def stream_freely(tape: Tape, config: SamplingConfig, length: int, first: int) -> Iterator[str]:
    """Yield what comes next, piece by piece, and move the tape to the end of each."""
    ending, decoder = _find_ending(tape, config).of_stream(), _begin_decoder(tape)
    # What is held back may be the start of a stop string.
    place, held, left = tape.at, NO_IDS, length
    for state, block in tape.draw(length, first):
        left, held = left - len(block), np.concatenate([held, block])
        count = len(ending.feed(as_characters(block)))
        is_over = ending.done
        count += 0 if left else len(ending.flush())
        shown, held = held[:count], held[count:]
        place = tape.move(place, shown, state if not len(held) else tape.redraw(count) if count else None)
        if is_over and left + len(held) > 0:
            tape.end()
        text = decoder.feed(shown) + (decoder.flush() if is_over and count else "")
        if text:
            yield text
        if is_over:
            return


def stream_constrained(
    tape: Tape, config: SamplingConfig, length: int, constraints: Sequence[Constraint]
) -> Iterator[str]:
    """Yield what comes next and satisfies `constraints`, in pieces that are final, and move the tape with them."""
    network, place, decoder, left = tape.network, tape.at, _begin_decoder(tape), length
    chooser = Chooser(tape.picker, config.seed, tape.sample, place.history.turns)
    ending, never = _find_ending(tape, config), find_forbidden(config, network.vocabulary)
    writer = BacktrackingWriter(network.loop, chooser, constraints, length, ending, never)
    for ids in writer.write(network.predict(tape.prepare()), network.seen(place.history)):
        left -= len(ids)
        place = tape.move(place, ids, None)
        if text := decoder.feed(ids):
            yield text
    if left:
        tape.end()
    if left and left < length and (text := decoder.flush()):
        yield text


def _find_ending(tape: Tape, config: SamplingConfig) -> IdEnding:
    """Return where the next text ends: a stop string may have begun in what was drawn before it."""
    ending = make_id_ending(config, tape.network.vocabulary)
    count = max(map(len, ending.stops), default=1) - 1
    return replace(ending, before=tape.at.history.last_drawn(count))


def _begin_decoder(tape: Tape) -> Decoder:
    """Return a decoder that knows the bytes of the last character, if that is not complete."""
    decoder = tape.network.vocabulary.decoder()
    decoder.feed(tape.at.history.last_drawn(MAX_HELD))
    return decoder
