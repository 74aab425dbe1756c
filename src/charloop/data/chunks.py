"""A text as batch rows side by side, read in chunks exactly as the PTB iterator cuts them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

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
