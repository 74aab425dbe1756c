"""One text that a worker writes for a client: its settings as a lane, and what is passed on of each block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from charloop.data import Vocabulary
from charloop.sampling import Constraint, SamplingConfig
from charloop.sampling.along_text import NEVER, begin_ages
from charloop.sampling.bias import find_forbidden, make_bias
from charloop.sampling.compiled_loop import NOT_A_CHARACTER, make_row_keys, not_finite
from charloop.sampling.constraints.backtracking import BacktrackingWriter
from charloop.sampling.ending import as_characters, make_id_ending
from charloop.sampling.host_loop import Chooser
from charloop.sampling.pickers import make_picker
from charloop.serving.lane_program import Block, Logs, Rows
from charloop.serving.reading import PIECES, Ids, Reader, log_probabilities
from charloop.types import State

NO_IDS = np.zeros(0, np.int32)


class Piece(NamedTuple):
    """What a client gets of a text at once."""

    ids: Ids
    text: str
    logs: Logs | None = None
    """The log probabilities of `ids`, if they were asked for."""
    reason: str | None = None
    """Why the text ends here: "stop" (a stop string, the last line, or the end of a document) or "length"."""


@dataclass(frozen=True)
class Penalties:
    """The penalties of other servers, subtracted from logits: for tokens that the new text has, and for each time."""

    presence: float = 0.0
    frequency: float = 0.0


NO_PENALTIES = Penalties()


@dataclass(eq=False)
class TextWork:
    """A text to write after `prompt`, all ids that the network reads before it (at least one)."""

    prompt: Ids
    seen: Ids
    """The ids of the text that is continued, which a repetition penalty counts."""
    vocabulary: Vocabulary
    config: SamplingConfig
    deliver: Callable[[Piece | Exception], None]
    """Called in the worker's thread."""
    sample: int = 0
    """Which of the texts of the seed it is."""
    penalties: Penalties = NO_PENALTIES
    logs: bool = False
    cancelled: bool = False

    def steps(self, reader: Reader) -> Iterator["WrittenText | None"]:
        """Read the prompt; the last item is the text that is ready to be written."""
        for state in reader.find_state(self.prompt[:-1]):
            yield None if state is None else WrittenText(self, state, make_row(self))

    def fail(self, error: Exception) -> None:
        """Pass the error on."""
        self.deliver(error)


@dataclass(eq=False)
class WrittenText:
    """A text in a lane."""

    work: TextWork
    state: State
    row: Rows
    left: int = field(init=False)

    def __post_init__(self) -> None:
        work = self.work
        self.left = work.config.length
        self._ending = make_id_ending(work.config, work.vocabulary).of_stream()
        self._decoder = work.vocabulary.decoder()
        self._held: list[Block] = []

    def feed(self, block: Block, lane: int) -> bool:
        """Pass on what `lane` wrote, up to the end of the text; return whether it goes on."""
        ids = block.ids[: self.left, lane]
        if (ids == NOT_A_CHARACTER).any():
            raise not_finite()
        self.left -= len(ids)
        self._hold(block, lane, len(ids))
        count = len(self._ending.feed(as_characters(ids)))
        stopped = self._ending.done
        if not stopped and not self.left:
            count += len(self._ending.flush())
        over = stopped or not self.left
        shown, logs = self._take(count)
        text = self._decoder.feed(shown) + (self._decoder.flush() if over else "")
        if len(shown) or over:
            reason = ("stop" if stopped else "length") if over else None
            self.work.deliver(Piece(shown, text, logs, reason))
        return not over

    def _hold(self, block: Block, lane: int, count: int) -> None:
        """Keep what may be the beginning of a stop string."""
        logs = Logs(*(part[:count, lane] for part in block.logs)) if self.work.logs else block.logs
        self._held.append(Block(block.ids[:count, lane], logs))

    def _take(self, count: int) -> tuple[Ids, Logs | None]:
        """Return the first `count` tokens that are held back, and their log probabilities if they are wanted."""
        ids = np.concatenate([block.ids for block in self._held])
        if not self.work.logs:
            self._held = [Block(ids[count:], self._held[0].logs)]
            return ids[:count], None
        logs = Logs(
            *(np.concatenate(parts) for parts in zip(*(block.logs for block in self._held), strict=True))
        )
        self._held = [Block(ids[count:], Logs(*(part[count:] for part in logs)))]
        return ids[:count], Logs(*(part[:count] for part in logs))


def make_row(work: TextWork) -> Rows:
    """Return the settings of a text as those of a lane."""
    config, vocabulary = work.config, work.vocabulary
    ages = begin_ages(config, vocabulary, work.seen)
    first, last = config.temperature if isinstance(config.temperature, tuple) else (config.temperature,) * 2
    key = make_row_keys(config.seed, 1, work.sample)
    return Rows(
        previous=work.prompt[-1],
        position=0,
        key=np.asarray(jax.random.key_data(key))[0],
        ages=np.full(vocabulary.size, NEVER, np.int32) if ages is None else ages,
        counts=0,
        bias=np.asarray(make_bias(config, vocabulary).values),
        first=first,
        last=last,
        length=config.length,
        top_k=min(config.top_k or vocabulary.size, vocabulary.size),
        top_p=config.top_p,
        min_p=config.min_p,
        repetition=config.repetition_penalty,
        window=min(config.repetition_window or NEVER, NEVER - 1),
        presence=work.penalties.presence,
        frequency=work.penalties.frequency,
        words=config.mode == "words",
        logs=work.logs,
    )


@dataclass(eq=False)
class ScoringWork:
    """The log probabilities of a text: of each id of `text`, read after `before` (at least one id)."""

    before: Ids
    text: Ids
    deliver: Callable[["Scored | Exception"], None]
    cancelled: bool = False

    def steps(self, reader: Reader) -> Iterator[None]:
        """Read the text, piece by piece, from the last kept state before it."""
        ids = np.concatenate([self.before, self.text])
        start = (len(self.before) - 1) // PIECES[-1] * PIECES[-1]
        known, parts = None, list[Logs]()
        for found in reader.find_state(ids[:start]):
            known = found
            yield
        unread, skipped = ids[start:], len(self.before) - 1 - start
        for place, (_, logits) in enumerate(reader.read(unread, known)):
            # The logits after an id are those of the next one; those after the last are of what may follow.
            following = unread[place * PIECES[-1] + 1 :][: len(logits)]
            parts.append(log_probabilities(logits[: len(following)], following))
            yield
        logs = Logs(*(np.concatenate(each)[skipped:] for each in zip(*parts, strict=True)))
        if not np.isfinite(logits[-1].max()):
            raise not_finite()
        self.deliver(Scored(logs, logits[-1]))

    def fail(self, error: Exception) -> None:
        """Pass the error on."""
        self.deliver(error)


class Scored(NamedTuple):
    """What a network thinks of a text."""

    logs: Logs
    """Those of each token."""
    next_logits: Float32[np.ndarray, " vocab"]
    """The logits of what may follow."""


@dataclass(eq=False)
class ConstrainedWork:
    """A text that satisfies constraints: it is written alone, one token at a time, between the blocks of others."""

    work: TextWork
    constraints: Sequence[Constraint]

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.work.cancelled

    @cancelled.setter
    def cancelled(self, value: bool) -> None:
        self.work.cancelled = value

    def steps(self, reader: Reader) -> Iterator[None]:
        """Write the text, piece by piece."""
        work, config = self.work, self.work.config
        for each in self.constraints:
            each.check(config.length)
        picker, ending = make_picker(config, work.vocabulary), make_id_ending(config, work.vocabulary)
        chooser = Chooser(picker, config.seed, work.sample)
        first = reader.loop.begin(work.prompt, begin_ages(config, work.vocabulary, work.seen))
        never = find_forbidden(config, work.vocabulary)
        writer = BacktrackingWriter(reader.loop, chooser, self.constraints, config.length, ending, never)
        decoder, left = work.vocabulary.decoder(), config.length
        for ids in writer.write(first, work.seen):
            left -= len(ids)
            if len(ids):
                work.deliver(Piece(ids, decoder.feed(ids)))
            yield
        work.deliver(Piece(NO_IDS, decoder.flush(), reason="stop" if left else "length"))

    def fail(self, error: Exception) -> None:
        """Pass the error on."""
        self.work.fail(error)
