"""A text's suffixes in their order: whether a piece stands in the text is then a binary search."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int32, Integer
from pydivsufsort import divsufsort

from charloop.data import Reading, ReadingListener
from charloop.errors import CharloopError

LARGEST = 100_000_000
"""Tokens of a text that an index is made of: it takes four bytes for each, and while it is made up to twelve."""
TOGETHER = 1 << 16
"""Places whose matches are looked for at once."""
STRIDE = 16
"""Tokens compared at once."""
END_OF_TEXT, END_OF_PIECE = -1, -2
"""What stands behind a text and behind a piece: unlike each other, and before every token."""


@dataclass(frozen=True, eq=False)
class SuffixIndex:
    """The suffix array (Manber and Myers 1993) of a text: where its suffixes begin, in their order."""

    tokens: Integer[np.ndarray, " length"]
    """The text, which may be mapped."""
    order: Int32[np.ndarray, " length"]

    @classmethod
    def of(
        cls, tokens: Integer[np.ndarray, " length"], listener: ReadingListener | None = None
    ) -> "SuffixIndex":
        """Sort the suffixes of `tokens` (0 or more each); `listener` is told when that begins.

        Raises CharloopError for more than `LARGEST` tokens.
        """
        check_size(len(tokens))
        if listener:
            listener(Reading("sorting all endings of the training text", 0, len(tokens), "million tokens"))
        # A copy: the library wants memory of its own that can be written to.
        order = divsufsort(np.array(tokens)) if len(tokens) else np.zeros(0)
        return cls(tokens, order.astype(np.int32, copy=False))

    def followers(self, piece: Integer[np.ndarray, " piece"]) -> Integer[np.ndarray, " distinct"]:
        """The tokens that come after `piece` somewhere in the text, sorted, each once; of no piece, all there are."""
        wanted, size = piece.tolist(), len(piece)

        def beginning(start: np.int32) -> list[int]:
            found: list[int] = self.tokens[start : start + size].tolist()
            return found

        low = bisect_left(self.order, wanted, key=beginning)
        high = bisect_right(self.order, wanted, lo=low, key=beginning)
        after = self.order[low:high] + size
        return np.unique(self.tokens[after[after < len(self.tokens)]])

    def longest_matches(self, ids: Integer[np.ndarray, " length"]) -> Int[np.ndarray, " length"]:
        """For each place i of `ids`, the length of the longest piece that ends with i and stands in the text."""
        ids = np.asarray(ids)
        places = np.arange(len(ids))
        if not len(self.tokens) or not len(ids):
            return np.zeros(len(ids), np.int64)
        parts = np.split(places, range(TOGETHER, len(ids), TOGETHER))
        reach = places + np.concatenate([self._matches_from(ids, part) for part in parts])
        # A match that begins later ends no earlier: the first that covers a place is the longest that ends there.
        longest: Int[np.ndarray, " length"] = np.maximum(places + 1 - np.searchsorted(reach, places + 1), 0)
        return longest

    def _matches_from(
        self, ids: Integer[np.ndarray, " length"], starts: Int[np.ndarray, " places"]
    ) -> Int[np.ndarray, " places"]:
        """The length of the longest piece of `ids` from each of `starts` on: one of two neighbours has it."""
        low, high = np.zeros_like(starts), np.full_like(starts, len(self.order))
        while (searching := low < high).any():
            middle = np.minimum((low + high) // 2, len(self.order) - 1)
            places = self.order[middle].astype(np.int64)
            same = self._common(places, ids, starts)
            before = _at(self.tokens, places + same, END_OF_TEXT) < _at(ids, starts + same, END_OF_PIECE)
            low = np.where(searching & before, middle + 1, low)
            high = np.where(searching & ~before, middle, high)
        neighbours = (np.maximum(low - 1, 0), np.minimum(low, len(self.order) - 1))
        found = [self._common(self.order[at].astype(np.int64), ids, starts) for at in neighbours]
        longest: Int[np.ndarray, " places"] = np.maximum(*found)
        return longest

    def _common(
        self,
        places: Int[np.ndarray, " places"],
        ids: Integer[np.ndarray, " length"],
        starts: Int[np.ndarray, " places"],
    ) -> Int[np.ndarray, " places"]:
        """How many tokens are the same in the text from `places` on and in `ids` from `starts` on."""
        count, alike = np.zeros_like(starts), np.arange(len(starts))
        while alike.size:
            ahead = count[alike][:, None] + np.arange(STRIDE)
            text = _at(self.tokens, places[alike][:, None] + ahead, END_OF_TEXT)
            same = text == _at(ids, starts[alike][:, None] + ahead, END_OF_PIECE)
            run = np.where(same.all(1), STRIDE, same.argmin(1))
            count[alike] += run
            alike = alike[run == STRIDE]
        return count


def check_size(length: int) -> None:
    """Raises CharloopError for a text that is too long for an index."""
    if length > LARGEST:
        raise CharloopError(
            "tokens of training text in which verbatim pieces are looked for",
            got=length,
            allowed=f"up to {LARGEST:,}",
            do="train on less text, or leave out what looks for copies",
        )


def _at(
    array: Integer[np.ndarray, " length"], places: Int[np.ndarray, "..."], outside: int
) -> Int[np.ndarray, "..."]:
    """What stands at `places` (0 or more each) of `array`, which has something; `outside` behind its end."""
    inside = array[np.minimum(places, len(array) - 1)].astype(np.int64)
    return np.where(places < len(array), inside, outside)
