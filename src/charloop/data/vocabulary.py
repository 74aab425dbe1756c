"""The table between characters (or bytes) and the token ids that a network reads."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Bool, Int, Integer, UInt32

from charloop.conversion import convert
from charloop.data.nearest import line_and_column, unknown_character
from charloop.data.numbering import CODE_POINTS, code_points
from charloop.data.paging import READ_AHEAD, release
from charloop.data.stream import StreamDecoder
from charloop.errors import CharloopError

Unit: TypeAlias = Literal["char", "byte"]
Unknown: TypeAlias = Literal["error", "skip"]
Ids: TypeAlias = Integer[np.ndarray, " length"] | Sequence[int]

UNKNOWN_SIGN = "\N{REPLACEMENT CHARACTER}"
"""What the unknown sign looks like where it must be shown; as a token it is another than this character's."""
_ALL_BYTES = tuple(map(chr, range(256)))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """What `vocabulary.json` holds."""

    unit: Unit
    symbols: list[str]
    min_count: Annotated[int, msgspec.Meta(ge=1)] = 1


@dataclass(frozen=True)
class Vocabulary:
    """The symbols a network knows: a token is a symbol's place in `symbols`.

    unit "char": single characters, sorted by code point, none twice, so that the same text gives the same
    table in every process. unit "byte": always all 256 values; symbol `chr(i)` stands for the byte `i`.
    `min_count` above 1: characters that its text had more rarely are no symbols; they, and all that the text never
    had, are one more token behind the last symbol, the unknown sign.
    Errors: CharloopError when `symbols` is not such a table.
    """

    symbols: tuple[str, ...]
    unit: Unit = "char"
    min_count: int = 1

    def __post_init__(self) -> None:
        if self.unit == "byte" and self.min_count > 1:
            raise CharloopError("a byte vocabulary has no unknown sign")
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
        """How many tokens there are: the symbols, and the unknown sign if there is one."""
        return len(self.symbols) + (self.min_count > 1)

    @property
    def unknown_id(self) -> int | None:
        """The token of the unknown sign, if there is one."""
        return len(self.symbols) if self.min_count > 1 else None

    @cached_property
    def table(self) -> Int[np.ndarray, "code_points"]:
        """The token of each code point, -1 where there is none (for unit "char"); no code point's is the sign's."""
        table = np.full(CODE_POINTS, -1, np.int32)
        table[self.codes] = np.arange(len(self.symbols), dtype=np.int32)
        return table

    @cached_property
    def codes(self) -> UInt32[np.ndarray, "symbols"]:
        """The code point of each symbol."""
        return code_points("".join(self.symbols))

    def encode(self, text: str | bytes, unknown: Unknown = "error") -> Int[np.ndarray, " length"]:
        """The tokens of `text`, int32: one a character, or one a byte (of its UTF-8 form, if it is not bytes yet).

        Characters that are not in the vocabulary become its unknown sign; unknown="skip" leaves them out instead.
        Errors: CharloopError with line, column and the nearest known ones for the first such character, where the
        vocabulary has no such sign.
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
        if self.unknown_id is not None:
            return np.where(known, ids, np.int32(self.unknown_id))
        raise self._unknown(text, int(np.argmin(known)))

    def _unknown(self, text: str, index: int) -> CharloopError:
        line, column = line_and_column(text, index)
        return unknown_character(text[index], f"line {line}, column {column}", self.symbols)

    def decode(self, ids: Ids) -> str:
        """The text of `ids`; the unknown sign and bytes that are not UTF-8 become U+FFFD.

        Errors: CharloopError for an id out of range.
        """
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def count_unknown(self, tokens: Integer[np.ndarray, " length"]) -> int:
        """How many of `tokens`, which may be mapped and large, are the unknown sign."""
        if self.unknown_id is None:
            return 0
        count = 0
        for start in range(0, len(tokens), READ_AHEAD):
            count += int(np.count_nonzero(tokens[start : start + READ_AHEAD] == self.unknown_id))
            release(tokens)
        return count

    def decoder(self) -> StreamDecoder:
        """A decoder for ids that come a few at a time: the bytes of one character may come apart."""
        sign = code_points(UNKNOWN_SIGN if self.min_count > 1 else "")
        return StreamDecoder(np.concatenate([self.codes, sign]), as_bytes=self.unit == "byte")

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` takes back."""
        folding = {"min_count": self.min_count} if self.min_count > 1 else {}
        return {"unit": self.unit, "symbols": list(self.symbols), **folding}

    @classmethod
    def from_json(cls, document: object) -> "Vocabulary":
        """The vocabulary that `to_json` wrote. Errors: CharloopError when `document` is anything else."""
        try:
            read = convert(document, _Document)
        except msgspec.ValidationError as error:
            raise CharloopError(f"malformed vocabulary: {error}") from error
        return cls(tuple(read.symbols), read.unit, read.min_count)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the canonical JSON: equal for equal vocabularies, in every process."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()
