"""A file of tokens while it is written: numbered anew where it lies, so that the text itself is read only once."""

import hashlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from jaxtyping import Integer, UInt

from charloop.data.progress import Meter

BLOCK = 1 << 20
"""Tokens changed at a time."""


class TokenFile:
    """Tokens of one type behind each other in `stream`, open for writing and reading, at its beginning."""

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
        """Append `tokens`, one at least; in a wider type than those before, all become as wide. Errors: OSError."""
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
        """Put `table[t]` in the place of each token t, in a type that is no wider. Errors: OSError."""
        if dtype == self.dtype and np.array_equal(table, np.arange(len(table))):
            return
        meter.begin("sorting", self.length * self.dtype.itemsize)
        self._digest = hashlib.sha256()
        change = _changer(table.astype(dtype))
        for start in range(0, self.length, BLOCK):
            tokens = self._read(start)
            data = change(tokens).data
            self._stream.seek(start * dtype.itemsize)
            self._stream.write(data)
            self._digest.update(data)
            meter.add(tokens.nbytes)
        self._stream.truncate(self.length * dtype.itemsize)
        self.dtype = dtype

    def _widen(self, dtype: np.dtype[np.unsignedinteger]) -> None:
        """From the end to the beginning: what is written then never lies on what is still to be read."""
        digest = hashlib.sha256()
        for start in reversed(range(0, self.length, BLOCK)):
            wider = self._read(start).astype(dtype)
            self._stream.seek(start * dtype.itemsize)
            self._stream.write(wider.data)
        self.dtype = dtype
        for start in range(0, self.length, BLOCK):
            digest.update(self._read(start).data)
        self._stream.seek(self.length * dtype.itemsize)
        self._digest = digest

    def _read(self, start: int) -> UInt[np.ndarray, " length"]:
        count, size = min(BLOCK, self.length - start), self.dtype.itemsize
        self._stream.seek(start * size)
        return np.frombuffer(self._stream.read(count * size), self.dtype)


def _changer(table: UInt[np.ndarray, " known"]) -> Callable[[np.ndarray], np.ndarray]:
    """From tokens to `table` of them; bytes have a quicker way."""
    if table.dtype == np.uint8 and len(table) <= 256:
        padded = table.tobytes().ljust(256, b"\0")
        return lambda tokens: (
            np.frombuffer(tokens.tobytes().translate(padded), np.uint8)
            if tokens.dtype == np.uint8
            else table.take(tokens, mode="clip")
        )
    return lambda tokens: table.take(tokens, mode="clip")
