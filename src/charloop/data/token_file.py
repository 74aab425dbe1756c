"""A file of tokens: written and renumbered on the disk in one pass over the text, then mapped into memory."""

import hashlib
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakSet

import numpy as np
from jaxtyping import Int, Integer, UInt

from charloop.progress import Meter

BLOCK_TOKENS = 1 << 20
"""Tokens changed at a time."""
RELEASE_TOKENS = 1 << 24
"""Tokens to read, about, between two calls of `release_pages`: so few calls that they cost nothing."""

_READ_ONLY: "WeakSet[mmap.mmap]" = WeakSet()
"""The maps of `map_tokens`: what they hold in memory is in the file too."""


def map_tokens(path: Path, dtype: np.dtype[Any]) -> Integer[np.ndarray, " length"]:
    """Return the file as a read-only memory map, whose pages `release_pages` can free. Errors: OSError."""
    tokens = np.memmap(path, dtype, mode="r")
    base: object = tokens.base
    if isinstance(base, mmap.mmap):
        _READ_ONLY.add(base)
    return tokens


def release_pages(tokens: Integer[np.ndarray, " length"]) -> None:
    """Free the memory pages of the mapped file that `tokens` is a view of; they are read again when needed.

    The system would free them itself if it ran short, but until then they count as this process's memory: ten
    gigabytes for ten gigabytes of tokens. An array that is not a map of `map_tokens` is left alone, since the pages
    of a caller's own copy-on-write map hold the caller's changes. So is every array if the system lacks the advice.
    """
    base: object = tokens
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and base in _READ_ONLY and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def each_block(
    tokens: Integer[np.ndarray, " length"],
) -> Iterator[tuple[int, Integer[np.ndarray, " block"]]]:
    """Yield `tokens`, which may be a large memory map, block by block: where each begins, and its tokens."""
    for start in range(0, len(tokens), RELEASE_TOKENS):
        yield start, tokens[start : start + RELEASE_TOKENS]
        release_pages(tokens)


def count_tokens(tokens: Integer[np.ndarray, " length"], wanted: range) -> Int[np.ndarray, " wanted"]:
    """Return how many of `tokens` are each token of `wanted`."""
    counts = np.zeros(len(wanted), np.int64)
    for _, block in each_block(tokens):
        found = block[(block >= wanted.start) & (block < wanted.stop)].astype(np.int64)
        counts += np.bincount(found - wanted.start, minlength=len(wanted))
    return counts


class TokenFile:
    """Consecutive tokens of one type in `stream`, which is open for writing and reading, at its beginning."""

    def __init__(self, stream: BinaryIO, dtype: np.dtype[np.unsignedinteger]) -> None:
        self._stream, self.dtype = stream, dtype
        self._digest = hashlib.sha256()
        self.length, self._lowest, self._highest = 0, np.inf, -1.0

    @property
    def distinct(self) -> bool:
        """Whether two different tokens have been written."""
        return self._lowest < self._highest

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes."""
        return self._digest.hexdigest()

    def write(self, tokens: UInt[np.ndarray, " length"]) -> None:
        """Append `tokens`, at least one. If their type is wider, all earlier ones are widened. Errors: OSError."""
        if tokens.dtype.itemsize > self.dtype.itemsize:
            self._widen(tokens.dtype)
        data = tokens.astype(self.dtype, copy=False).data
        self._stream.write(data)
        self._digest.update(data)
        self.length += tokens.size
        self._lowest = min(self._lowest, int(tokens.min()))
        self._highest = max(self._highest, int(tokens.max()))

    def renumber(
        self, table: Integer[np.ndarray, " known"], dtype: np.dtype[np.unsignedinteger], meter: Meter
    ) -> None:
        """Replace each token t by `table[t]`, in a type that is not wider. Raises OSError."""
        if dtype == self.dtype and np.array_equal(table, np.arange(len(table))):
            return
        meter.begin("sorting", self.length * self.dtype.itemsize)
        self._digest = hashlib.sha256()
        change = _lookup(table.astype(dtype))
        for start in range(0, self.length, BLOCK_TOKENS):
            tokens = self._read(start)
            data = change(tokens).data
            self._stream.seek(start * dtype.itemsize)
            self._stream.write(data)
            self._digest.update(data)
            meter.add(tokens.nbytes)
        self._stream.truncate(self.length * dtype.itemsize)
        self.dtype = dtype

    def _widen(self, dtype: np.dtype[np.unsignedinteger]) -> None:
        """Widen all tokens, from the last block to the first, so that no unread block is overwritten."""
        digest = hashlib.sha256()
        for start in reversed(range(0, self.length, BLOCK_TOKENS)):
            wider = self._read(start).astype(dtype)
            self._stream.seek(start * dtype.itemsize)
            self._stream.write(wider.data)
        self.dtype = dtype
        for start in range(0, self.length, BLOCK_TOKENS):
            digest.update(self._read(start).data)
        self._stream.seek(self.length * dtype.itemsize)
        self._digest = digest

    def _read(self, start: int) -> UInt[np.ndarray, " length"]:
        count, size = min(BLOCK_TOKENS, self.length - start), self.dtype.itemsize
        self._stream.seek(start * size)
        return np.frombuffer(self._stream.read(count * size), self.dtype)


def _lookup(table: UInt[np.ndarray, " known"]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from tokens to `table[tokens]`; `bytes.translate` is faster where all are bytes."""
    if table.dtype == np.uint8 and len(table) <= 256:
        padded = table.tobytes().ljust(256, b"\0")
        return lambda tokens: (
            np.frombuffer(tokens.tobytes().translate(padded), np.uint8)
            if tokens.dtype == np.uint8
            else table.take(tokens, mode="clip")
        )
    return lambda tokens: table.take(tokens, mode="clip")
