"""A text as batch rows side by side, read in chunks exactly as the PTB iterator cuts them, epoch after epoch."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Int, Integer

from charloop.config import RunConfig
from charloop.data.token_file import RELEASE_TOKENS, release_pages
from charloop.errors import CharloopError
from charloop.wording import number_of

_MIN_CHUNKS = 4
"""Chunks per epoch that a small text is fitted to: carried state needs several to be of use."""


@dataclass(frozen=True, eq=False)
class Chunks:
    """`tokens` as `batch_size` contiguous batch rows, read `seq_length` time steps at a time.

    A batch row holds `len(tokens) // batch_size` tokens; the remainder is not read. Chunk i is, in PTB's terms,
    `x[:, i*T : (i+1)*T]` with y shifted by one: a row's last target is its last token and never wraps.
    Raises CharloopError if the tokens do not fill one chunk (see `fit_batch`), or a size is below 1.
    """

    tokens: Integer[np.ndarray, " length"]
    batch_size: int
    seq_length: int

    def __post_init__(self) -> None:
        _check_sizes(self.batch_size, self.seq_length)
        if self.chunks_per_epoch < 1:
            raise CharloopError(
                f"{len(self.tokens)} tokens do not fill one chunk",
                got=f"batch_size {self.batch_size}, seq_length {self.seq_length}",
                do="give more text, or a smaller --batch-size or --seq-length",
            )

    @property
    def row_length(self) -> int:
        """Tokens per batch row."""
        return len(self.tokens) // self.batch_size

    @property
    def chunks_per_epoch(self) -> int:
        """Chunks per batch row, whose last token is only ever a target."""
        return (self.row_length - 1) // self.seq_length

    @property
    def _rows(self) -> Integer[np.ndarray, "batch row_length"]:
        """The batch rows, a view: of a memory map, only the pages that a chunk covers are read."""
        return self.tokens[: self.batch_size * self.row_length].reshape(self.batch_size, self.row_length)

    def chunk(self, index: int) -> Int[np.ndarray, "time_and_one batch"]:
        """Return int32 [seq_length + 1, batch_size]: the inputs are `chunk[:-1]`, the targets `chunk[1:]`.

        Errors: IndexError unless 0 <= index < chunks_per_epoch.
        """
        if not 0 <= index < self.chunks_per_epoch:
            raise IndexError(f"chunk {index} of {self.chunks_per_epoch}")
        if index % max(1, RELEASE_TOKENS // (self.batch_size * self.seq_length)) == 0:
            release_pages(self.tokens)
        start = index * self.seq_length
        return np.ascontiguousarray(self._rows[:, start : start + self.seq_length + 1].T, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class TrainingChunks:
    """The chunks of all epochs of a training text, by the number of the update (from 0).

    With `random_offset`, epoch e is the text from another character on, so that chunks begin and end elsewhere. All
    epochs have as many chunks; a text too short for that keeps one chunk, and has fewer offsets. Raises CharloopError
    as `Chunks` does.
    """

    tokens: Integer[np.ndarray, " length"]
    batch_size: int
    seq_length: int
    seed: int = 0
    random_offset: bool = False

    def __post_init__(self) -> None:
        self.epoch(0)

    @classmethod
    def of(cls, tokens: Integer[np.ndarray, " length"], config: RunConfig) -> "TrainingChunks":
        """Return the chunks of a training text as `config` has them."""
        data = config.data
        return cls(tokens, data.batch_size, data.seq_length, config.training.seed, data.random_offset)

    @property
    def last_offset(self) -> int:
        """The largest offset of an epoch: the number of tokens that an epoch does not read because of it."""
        spare = len(self.tokens) - self.batch_size * (self.seq_length + 1)
        return max(0, min(self.seq_length - 1, spare)) if self.random_offset else 0

    @cached_property
    def chunks_per_epoch(self) -> int:
        """Chunks per batch row, the same in each epoch."""
        return self.epoch(0).chunks_per_epoch

    def offset(self, epoch: int) -> int:
        """Return at which token of the text an epoch begins."""
        return draw_offset(self.seed, epoch, self.last_offset)

    def epoch(self, number: int) -> Chunks:
        """Return the chunks of an epoch."""
        offset = self.offset(number)
        end = len(self.tokens) - self.last_offset + offset
        return Chunks(self.tokens[offset:end], self.batch_size, self.seq_length)

    def chunk(self, number: int) -> Int[np.ndarray, "time_and_one batch"]:
        """Return the chunk of an update, as `Chunks.chunk` does."""
        epoch, index = divmod(number, self.chunks_per_epoch)
        return self.epoch(epoch).chunk(index)

    def starts(self, number: int) -> list[int]:
        """Return at which token of the text the chunk of an update begins in each batch row."""
        epoch, index = divmod(number, self.chunks_per_epoch)
        start, row_length = self.offset(epoch) + index * self.seq_length, self.epoch(epoch).row_length
        return [start + row * row_length for row in range(self.batch_size)]


@lru_cache(maxsize=64)
def draw_offset(seed: int, epoch: int, last: int) -> int:
    """Draw a number from 0 to `last`; the same for the same seed and epoch."""
    return int(np.random.default_rng((seed, epoch)).integers(last + 1)) if last else 0


def fit_batch(length: int, batch_size: int, seq_length: int) -> tuple[int, int, str | None]:
    """Return the batch size and sequence length for `length` tokens, and a note if they had to be reduced.

    Sizes that give at least one chunk stay as they are. Otherwise the batch size is reduced first, until an epoch
    has several chunks; the sequence length only if a single batch row is still too short for that.
    Raises CharloopError for fewer than 2 tokens, or a size below 1.
    """
    _check_sizes(batch_size, seq_length)
    if length < 2:
        raise CharloopError(
            f"{length} tokens are too few", allowed="at least 2, one to read and one to predict"
        )
    if length // batch_size > seq_length:
        return batch_size, seq_length, None
    batch = min(batch_size, max(1, length // (_MIN_CHUNKS * seq_length + 1)))
    time = min(seq_length, max(1, (length - 1) // _MIN_CHUNKS)) if batch == 1 else seq_length
    asked = f"batch_size {batch_size} x seq_length {seq_length}"
    return batch, time, f"{number_of(length, 'token')} are too few for {asked}: using {batch} x {time}"


def _check_sizes(batch_size: int, seq_length: int) -> None:
    for name, size in (("batch_size", batch_size), ("seq_length", seq_length)):
        if size < 1:
            raise CharloopError(f"{name} is too small", got=size, allowed="1 or more")
