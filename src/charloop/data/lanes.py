"""A text as lanes side by side, cut into chunks exactly as the PTB iterator cuts them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.paging import READ_AHEAD, release
from charloop.errors import CharloopError

_CHUNKS_WANTED = 4
"""Chunks an epoch that a text too small for what was asked is fitted to: carry needs several to be of use."""


@dataclass(frozen=True, eq=False)
class Lanes:
    """`batch_size` contiguous lanes of `tokens`, read `seq_length` ticks at a time.

    A lane holds `len(tokens) // batch_size` tokens; what is left over is not read. Chunk i is, in PTB's words,
    `x[:, i*T : (i+1)*T]` with y shifted by one, so a lane's last target is its last token and never wraps.
    Errors: CharloopError when the tokens do not fill one chunk (see `fit_lanes`), or a size is below 1.
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
    def lane_length(self) -> int:
        """Tokens a lane."""
        return len(self.tokens) // self.batch_size

    @property
    def chunks_per_epoch(self) -> int:
        """Chunks a lane; the last token of a lane is only ever a target."""
        return (self.lane_length - 1) // self.seq_length

    @property
    def _rows(self) -> Integer[np.ndarray, "batch lane_length"]:
        """[batch, lane_length], a view: of a memory map, only what a chunk covers is read."""
        return self.tokens[: self.batch_size * self.lane_length].reshape(self.batch_size, self.lane_length)

    def chunk(self, index: int) -> Int[np.ndarray, "time_and_one batch"]:
        """int32 [seq_length + 1, batch_size]: the inputs are `chunk[:-1]`, the targets `chunk[1:]`.

        Errors: IndexError unless 0 <= index < chunks_per_epoch.
        """
        if not 0 <= index < self.chunks_per_epoch:
            raise IndexError(f"chunk {index} of {self.chunks_per_epoch}")
        if index % max(1, READ_AHEAD // (self.batch_size * self.seq_length)) == 0:
            release(self.tokens)
        start = index * self.seq_length
        window = self._rows[:, start : start + self.seq_length + 1]
        return np.ascontiguousarray(window.T, dtype=np.int32)


def fit_lanes(length: int, batch_size: int, seq_length: int) -> tuple[int, int, str | None]:
    """The batch size and sequence length to use for `length` tokens, and a note if they had to shrink.

    What gives at least one chunk is never changed. Otherwise the batch shrinks first, to where an epoch has
    several chunks; the length shrinks only when one lane is still too short for that.
    Errors: CharloopError for fewer than 2 tokens, or a size below 1.
    """
    _check_sizes(batch_size, seq_length)
    if length < 2:
        raise CharloopError(
            f"{length} tokens are too few", allowed="at least 2, one to read and one to predict"
        )
    if length // batch_size > seq_length:
        return batch_size, seq_length, None
    batch = min(batch_size, max(1, length // (_CHUNKS_WANTED * seq_length + 1)))
    time = min(seq_length, max(1, (length - 1) // _CHUNKS_WANTED)) if batch == 1 else seq_length
    asked = f"batch_size {batch_size} x seq_length {seq_length}"
    return batch, time, f"{length:,} tokens are too few for {asked}: using {batch} x {time}"


def _check_sizes(batch_size: int, seq_length: int) -> None:
    for name, size in (("batch_size", batch_size), ("seq_length", seq_length)):
        if size < 1:
            raise CharloopError(f"{name} is too small", got=size, allowed="1 or more")
