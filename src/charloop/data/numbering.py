"""Characters to numbers at the speed of memory, in one pass: a character is numbered when it first comes.

Which numbers the sorted vocabulary gives is known only at the end of a text; `ranks` says how to change them then.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Integer, Shaped, UInt, UInt16, UInt32

CODE_POINTS = 0x110000
_BASIC = 0x10000
_LATIN = 0x100


class Numbering:
    """A growing table from code points to numbers, in the smallest unsigned type that holds them and `missing`."""

    def __init__(self, codes: Sequence[int] | Integer[np.ndarray, " known"] = ()) -> None:
        """`codes`: code points that have the numbers 0, 1, ... from the beginning."""
        self.codes: list[int] = []
        self._table: UInt[np.ndarray, " code_points"] = np.full(CODE_POINTS, 0xFF, np.uint8)
        self._learn(np.asarray(codes, np.int64))

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The type of the numbers; it grows with them."""
        return self._table.dtype

    @property
    def missing(self) -> int:
        """What stands for a character that has no number: the greatest of the type."""
        return int(np.iinfo(self.dtype).max)

    def look_up(self, text: str) -> UInt[np.ndarray, " length"]:
        """The number of each character, or `missing`."""
        if self.dtype == np.uint8:
            try:
                return np.frombuffer(text.encode("latin-1").translate(self._latin), np.uint8)
            except UnicodeEncodeError:
                pass
        # No code point is out of range; "clip" spares NumPy the copy by which it would make sure.
        found: UInt[np.ndarray, " length"] = self._table.take(narrow_code_points(text), mode="clip")
        return found

    def number(self, text: str) -> UInt[np.ndarray, " length"]:
        """The number of each character (one at least); what is new gets the next ones, by code point."""
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
        """The code points that are `kept`, sorted; and for each number the place of its character among them.

        The characters that are not kept share the place behind the last.
        """
        codes = np.array(self.codes, np.int64)
        symbols = np.sort(codes[kept])
        return symbols, np.where(kept, np.searchsorted(symbols, codes), len(symbols))


def narrow_code_points(text: str) -> UInt16[np.ndarray, " length"] | UInt32[np.ndarray, " length"]:
    """The code point of each character, in two bytes where all fit: half of the way through memory."""
    pairs = text.encode("utf-16-le", "surrogatepass")
    if len(pairs) == 2 * len(text):
        return np.frombuffer(pairs, "<u2")
    return code_points(text)


def code_points(text: str) -> UInt32[np.ndarray, " length"]:
    """The code point of each character; lone surrogates are code points like any other."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
