"""How a session writes: freely in compiled blocks, or under constraints one token at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from charloop.sampling.bias import find_forbidden
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constraints import Constraint
from charloop.sampling.constraints.backtracking import BacktrackingWriter
from charloop.sampling.ending import IdEnding, as_characters, make_id_ending
from charloop.sampling.host_loop import Chooser
from charloop.sampling.protocols import Decoder
from charloop.sessions.mark import NO_IDS
from charloop.sessions.tape import Tape

MAX_HELD = 3
"""The most bytes of a character of UTF-8 that is not complete."""


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
