"""Characters to numbers in one pass, where each new character gets the next number; and numbers to characters.

The numbers of the sorted vocabulary are known only at the end of a text; `ranks` maps to them.
"""

import codecs
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Int, Integer, Shaped, UInt, UInt16, UInt32

from charloop.errors import CharloopError

Ids: TypeAlias = Integer[np.ndarray, " length"] | Sequence[int]

CODE_POINTS = 0x110000
_LATIN = 0x100


class Numbering:
    """A growing table from code points to numbers, in the smallest unsigned type that holds them and `missing`."""

    def __init__(self, codes: Sequence[int] | Integer[np.ndarray, " known"] = ()) -> None:
        """`codes`: code points that have the numbers 0, 1, ... from the start."""
        self.codes: list[int] = []
        self._table: UInt[np.ndarray, " code_points"] = np.full(CODE_POINTS, 0xFF, np.uint8)
        self._learn(np.asarray(codes, np.int64))

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The type of the numbers; it becomes wider as they grow."""
        return self._table.dtype

    @property
    def missing(self) -> int:
        """The number of a character that is not in the table: the maximum of the type."""
        return int(np.iinfo(self.dtype).max)

    def look_up(self, text: str) -> UInt[np.ndarray, " length"]:
        """Return the number of each character, or `missing`."""
        if self.dtype == np.uint8:
            try:
                return np.frombuffer(text.encode("latin-1").translate(self._latin), np.uint8)
            except UnicodeEncodeError:
                pass
        # No code point is out of range; "clip" spares the copy by which NumPy would make sure.
        found: UInt[np.ndarray, " length"] = self._table.take(narrow_code_points(text), mode="clip")
        return found

    def number(self, text: str) -> UInt[np.ndarray, " length"]:
        """Return the number of each character (at least one); new ones are numbered in the order of code points."""
        numbers = self.look_up(text)
        if numbers.max() < self.missing:
            return numbers
        self._learn(np.unique(narrow_code_points(text)[numbers == self.missing]).astype(np.int64))
        return self.look_up(text)

    def _learn(self, codes: Int[np.ndarray, " new"]) -> None:
        first = len(self.codes)
        self.codes += codes.tolist()
        while len(self.codes) > self.missing:
            self._widen()
        self._table[codes] = np.arange(first, len(self.codes), dtype=self.dtype)
        self._latin = self._table[:_LATIN].astype(np.uint8).tobytes()

    def _widen(self) -> None:
        before, wider = self.missing, np.dtype(f"u{2 * self.dtype.itemsize}")
        known = self._table != before
        self._table = np.where(known, self._table, wider.type(np.iinfo(wider).max)).astype(wider)

    def ranks(
        self, kept: Shaped[np.ndarray, " known"]
    ) -> tuple[Int[np.ndarray, " symbols"], Int[np.ndarray, " known"]]:
        """Return the `kept` code points, sorted, and for each number the index of its character among them.

        All characters that are not kept share the index after the last.
        """
        codes = np.array(self.codes, np.int64)
        symbols = np.sort(codes[kept])
        return symbols, np.where(kept, np.searchsorted(symbols, codes), len(symbols))


def narrow_code_points(text: str) -> UInt16[np.ndarray, " length"] | UInt32[np.ndarray, " length"]:
    """Return the code point of each character, in two bytes where all fit, to halve the memory traffic."""
    pairs = text.encode("utf-16-le", "surrogatepass")
    if len(pairs) == 2 * len(text):
        return np.frombuffer(pairs, "<u2")
    return code_points(text)


def code_points(text: str) -> UInt32[np.ndarray, " length"]:
    """Return the code point of each character, including lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


class StreamDecoder:
    """Turns ids into text a few at a time, and holds back bytes that do not form a whole character yet."""

    def __init__(self, codes: UInt32[np.ndarray, "vocab"], errors: str | None) -> None:
        """`codes`: the code point of each id; or if `errors` names what is done with stray bytes, the byte value."""
        self._codes = codes
        self._bytes = codecs.getincrementaldecoder("utf-8")(errors) if errors else None

    def feed(self, ids: Ids) -> str:
        """Return the text that is certain after `ids`. Raises CharloopError for an id outside 0..vocab-1."""
        array = np.asarray(ids, np.int64)
        if array.size and (array.min() < 0 or array.max() >= len(self._codes)):
            raise CharloopError(
                "a token outside the vocabulary",
                got=int(array.max() if array.min() >= 0 else array.min()),
                allowed=f"0 to {len(self._codes) - 1}",
            )
        codes = self._codes[array]
        if self._bytes is None:
            return codes.tobytes().decode("utf-32-le", "surrogatepass")
        return self._bytes.decode(codes.astype(np.uint8).tobytes())

    def flush(self) -> str:
        """Return what is still held back, which is no whole character. Call it once, at the end."""
        return "" if self._bytes is None else self._bytes.decode(b"", final=True)
