"""The table between characters (or bytes) and the token ids that a network reads."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Bool, Int, Integer, UInt32

from charloop.data.nearest import line_and_column, unknown_character
from charloop.data.stream import StreamDecoder
from charloop.errors import CharloopError

Unit: TypeAlias = Literal["char", "byte"]
Unknown: TypeAlias = Literal["error", "skip"]
Ids: TypeAlias = Integer[np.ndarray, " length"] | Sequence[int]

CODE_POINTS = 0x110000
_ALL_BYTES = tuple(map(chr, range(256)))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """What `vocabulary.json` holds."""

    unit: Unit
    symbols: list[str]


@dataclass(frozen=True)
class Vocabulary:
    """The symbols a network knows: a token is a symbol's place in `symbols`.

    unit "char": single characters, sorted by code point, none twice, so that the same text gives the same
    table in every process. unit "byte": always all 256 values; symbol `chr(i)` stands for the byte `i`.
    Errors: CharloopError when `symbols` is not such a table.
    """

    symbols: tuple[str, ...]
    unit: Unit = "char"

    def __post_init__(self) -> None:
        if self.unit == "byte" and self.symbols != _ALL_BYTES:
            raise CharloopError("a byte vocabulary has other symbols than the 256 bytes")
        if not self.symbols or any(len(symbol) != 1 for symbol in self.symbols):
            raise CharloopError("a vocabulary's symbols must be single characters, and at least one")
        if any(one >= other for one, other in zip(self.symbols, self.symbols[1:], strict=False)):
            raise CharloopError("a vocabulary's symbols must be sorted by code point, none of them twice")

    @classmethod
    def of_text(cls, text: str) -> "Vocabulary":
        """The characters of `text` (at least one)."""
        return cls(tuple(sorted(set(text))))

    @classmethod
    def of_bytes(cls) -> "Vocabulary":
        """The 256 bytes."""
        return cls(_ALL_BYTES, "byte")

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return len(self.symbols)

    @cached_property
    def table(self) -> Int[np.ndarray, "code_points"]:
        """The token of each code point, -1 where there is none (for unit "char")."""
        table = np.full(CODE_POINTS, -1, np.int32)
        table[self._codes] = np.arange(self.size, dtype=np.int32)
        return table

    @cached_property
    def _codes(self) -> UInt32[np.ndarray, "vocab"]:
        """The code point of each token."""
        return code_points("".join(self.symbols))

    def encode(self, text: str | bytes, unknown: Unknown = "error") -> Int[np.ndarray, " length"]:
        """The tokens of `text`, int32: one a character, or one a byte (of its UTF-8 form, if it is not bytes yet).

        unknown="skip" leaves characters out that are not in the vocabulary.
        Errors: CharloopError with line, column and the nearest known ones for the first such character.
        """
        if self.unit == "byte":
            raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            return np.frombuffer(raw, np.uint8).astype(np.int32)
        if isinstance(text, bytes):
            raise CharloopError("this vocabulary has characters, and got bytes", do="decode them first")
        ids: Int[np.ndarray, " length"] = self.table.take(code_points(text), mode="clip")
        known: Bool[np.ndarray, " length"] = ids >= 0
        if known.all():
            return ids
        if unknown == "skip":
            return np.compress(known, ids)
        raise self._unknown(text, int(np.argmin(known)))

    def _unknown(self, text: str, index: int) -> CharloopError:
        line, column = line_and_column(text, index)
        return unknown_character(text[index], f"line {line}, column {column}", self.symbols)

    def decode(self, ids: Ids) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD. Errors: CharloopError for an id out of range."""
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def decoder(self) -> StreamDecoder:
        """A decoder for ids that come a few at a time: the bytes of one character may come apart."""
        return StreamDecoder(self._codes, as_bytes=self.unit == "byte")

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` takes back."""
        return {"unit": self.unit, "symbols": list(self.symbols)}

    @classmethod
    def from_json(cls, document: object) -> "Vocabulary":
        """The vocabulary that `to_json` wrote. Errors: CharloopError when `document` is anything else."""
        try:
            read = msgspec.convert(document, _Document)
        except msgspec.ValidationError as error:
            raise CharloopError(f"malformed vocabulary: {error}") from error
        return cls(tuple(read.symbols), read.unit)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the canonical JSON: equal for equal vocabularies, in every process."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def code_points(text: str) -> UInt32[np.ndarray, " length"]:
    """The code point of each character; lone surrogates are code points like any other."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
