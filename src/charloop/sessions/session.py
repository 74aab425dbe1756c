"""A text that a network reads and writes piece by piece."""

import os
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.compiled_loop import BLOCK
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constraints import Constraint
from charloop.sampling.ending import check_lines
from charloop.sampling.generate import STREAM_BLOCK
from charloop.sessions.mark import NO_IDS, Ids, Mark, Reached
from charloop.sessions.next_character import NextCharacter
from charloop.sessions.saving import save_tape
from charloop.sessions.tape import Tape, read_stops, stream_constrained, stream_freely

MAX_COUNT = 2**31 - 1


class Session:
    """A text that a network reads and writes piece by piece, each from where the last one ended.

    `TrainedModel.session` begins one. What the network reads before the text (a context, or the prefix of a paragraph
    or line) does not belong to it. A session is for one thread; others of the same network, and copies, may run in
    other threads.
    """

    def __init__(self, tape: Tape) -> None:
        self.vocabulary, self._tape = tape.network.vocabulary, tape
        self._next: tuple[Mark, SamplingConfig, NextCharacter] | None = None

    @property
    def config(self) -> SamplingConfig:
        """The settings; `change` changes them."""
        return self._tape.config

    @property
    def text(self) -> str:
        """All that was read and written, without labels and what was read before it."""
        return self.vocabulary.decode(self.vocabulary.remove_labels(self.ids))

    @property
    def ids(self) -> Ids:
        """The tokens of `text`, int32."""
        return self._tape.at.history.last()[0]

    @property
    def position(self) -> int:
        """How many tokens the network has written."""
        return int(self._tape.at.settle().position)

    @property
    def ended(self) -> bool:
        """Whether the last `write` or `stream` ended before its length."""
        return self._tape.ended

    def read(self, text: str | bytes) -> None:
        """Let the network read `text`, as it reads a prompt; texts that are read in a row are one.

        Raises CharloopError for a character that it does not know, unless the setting `unknown` is "skip".
        """
        if isinstance(text, str):
            text = StringReader(self.vocabulary).read(text)
        self.read_ids(self.vocabulary.encode(text, self.config.unknown))

    def read_ids(self, ids: Sequence[int] | Ids) -> None:
        """Let the network read tokens. Raises CharloopError for one outside the vocabulary."""
        self.vocabulary.decode(ids)
        if len(ids):
            self._tape.at = self._tape.at.add(np.asarray(ids, np.int32), is_drawn=False)

    def begin_document(self) -> None:
        """Begin another document with an empty memory, and the same label if there is one.

        Raises CharloopError for a network of one text.
        """
        end = self.vocabulary.end_id
        if end is None:
            raise CharloopError("this network was trained on one text, not on documents", do="read a newline")
        self.read_ids([end, *self.label_ids])

    @property
    def label_ids(self) -> tuple[int, ...]:
        """The label that is read at the beginning of each document, as one token; empty if there are no labels."""
        return self._tape.network.beginning.start[1:]

    def write(
        self,
        length: int | None = None,
        *,
        stop: str | tuple[str, ...] | None = None,
        lines: int | None = None,
        constraints: Sequence[Constraint] = (),
    ) -> str:
        """Return the next text, of at most `length` characters (bytes of a network of bytes).

        It ends before `stop` (or the first of several), after `lines` newlines, or before the end of a document; None
        is the session's setting. There the session is afterwards. Two calls write what one of both lengths writes,
        but what one returned the next does not take back, for a stop string or for `constraints`. These see all that
        was read and written. A character whose bytes two calls write is returned by the second. Raises CharloopError
        as `TrainedModel.sample` does.
        """
        return "".join(self._write(BLOCK, length, stop, lines, constraints))

    def stream(
        self,
        length: int | None = None,
        *,
        stop: str | tuple[str, ...] | None = None,
        lines: int | None = None,
        constraints: Sequence[Constraint] = (),
    ) -> Iterator[str]:
        """Yield the text that `write` returns, in pieces as they are written.

        After each piece the session is at its end, and the stream may be left. Raises CharloopError if the session is
        changed before the next piece is asked for.
        """
        return self._write(STREAM_BLOCK, length, stop, lines, constraints)

    def write_ids(self, length: int) -> Ids:
        """Return the next `length` tokens that the network draws; nothing ends them, not the end of a document."""
        tape, drawn = self._tape, [NO_IDS]
        for writing, block in tape.draw(_check_count("length", length), BLOCK):
            tape.move(tape.at, block, writing)
            drawn.append(block)
        return np.concatenate(drawn)

    def next(self) -> NextCharacter:
        """Return the distribution over the next character, and write none."""
        at, config = self._tape.at, self.config
        if self._next is None or self._next[0] is not at or self._next[1] is not config:
            text = at.network.predict(self._tape.prepare())
            self._next = at, config, NextCharacter(text, config, self.vocabulary)
        return self._next[2]

    def settle(self) -> None:
        """Let the network read now what it would read when the next character is needed.

        At the beginning that is what stands before a text: what is read later goes on after it.
        """
        at = self._tape.at
        self._tape.at = Mark(at.network, at.history, Reached(at.settle()))

    def copy(self) -> "Session":
        """Return a session at the same place, which writes the same and is independent of this one."""
        other = copy(self)
        other._tape = copy(self._tape)
        return other

    def mark(self) -> Mark:
        """Return the present place, for `rewind`."""
        return self._tape.at

    def rewind(self, mark: Mark) -> None:
        """Go to a place that `mark` of this session, or of a copy, returned; settings stay as they are.

        Raises CharloopError for the mark of another session.
        """
        if mark.network is not self._tape.network:
            raise CharloopError("this mark is of another session", do="read the text instead")
        self._tape.at = mark

    def change(self, *, sample: int | None = None, **settings: Any) -> None:
        """Change how the network writes from here on; `settings` are fields of SamplingConfig.

        `sample` is which of the texts of a seed it writes, the first being 0: each draws other characters. Raises
        CharloopError for a value out of range.
        """
        sample = self._tape.sample if sample is None else sample
        self._tape.change(replace(self.config, **settings), _check_count("sample", sample))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the session to the file `path`, completely or not at all; `TrainedModel.load_session` reads it.

        Raises CharloopError if that is not possible.
        """
        save_tape(self._tape, path)

    def _write(
        self,
        first: int,
        length: int | None,
        stop: str | tuple[str, ...] | None,
        lines: int | None,
        constraints: Sequence[Constraint],
    ) -> Iterator[str]:
        config = self.config if lines is None else replace(self.config, lines=lines)
        config = config if stop is None else read_stops(replace(config, stop=stop), self.vocabulary)
        length = config.length if length is None else _check_count("length", length)
        check_lines(config, self.vocabulary)
        self._tape.ended = False
        for each in constraints:
            each.check(length)
        if constraints and length:
            return stream_constrained(self._tape, config, length, constraints)
        return stream_freely(self._tape, config, length, first)


def _check_count(name: str, count: int) -> int:
    if type(count) is not int or not 0 <= count <= MAX_COUNT:
        raise CharloopError(name, got=count, allowed=f"a whole number from 0 to {MAX_COUNT:,}")
    return count
