"""The table between characters (or bytes) and the token ids that a network reads."""

import codecs
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
from charloop.data.documents.cutting import BYTE_MARK, MARK, DocumentCutter
from charloop.data.documents.rule import DocumentRule
from charloop.data.numbering import CODE_POINTS, code_points
from charloop.data.token_file import RELEASE_TOKENS, release_pages
from charloop.data.unknown import unknown_character
from charloop.errors import CharloopError

Unit: TypeAlias = Literal["char", "byte"]
Unknown: TypeAlias = Literal["error", "skip"]
Ids: TypeAlias = Integer[np.ndarray, " length"] | Sequence[int]

UNKNOWN_SYMBOL = "\N{REPLACEMENT CHARACTER}"
"""How the unknown symbol is displayed. Its token differs from the token of this character."""
_ALL_BYTES = tuple(map(chr, range(256)))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """The content of `vocabulary.json`."""

    unit: Unit
    symbols: list[str]
    min_count: Annotated[int, msgspec.Meta(ge=1)] = 1
    documents: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """The symbols that a network knows: a token is a symbol's index in `symbols`.

    unit "char": single characters, sorted by code point and distinct, so that the same text gives the same table in
    every process. unit "byte": always all 256 values; symbol `chr(i)` stands for the byte `i`.
    `min_count` above 1: characters that occur less often in the text are not symbols. They, and characters that never
    occur in it, share one more token, the last: the unknown symbol.
    `documents`: how texts are divided into documents (see `DocumentRule`), if they are. Then the token after the last
    symbol is the end symbol, which stands before the first document and after each.
    Raises CharloopError when `symbols` is not such a table.
    """

    symbols: tuple[str, ...]
    unit: Unit = "char"
    min_count: int = 1
    documents: str = ""

    def __post_init__(self) -> None:
        if self.documents:
            DocumentRule(self.documents)
        if self.unit == "byte" and self.min_count > 1:
            raise CharloopError("a byte vocabulary has no unknown symbol")
        if self.unit == "byte" and self.symbols != _ALL_BYTES:
            raise CharloopError("a byte vocabulary has other symbols than the 256 bytes")
        if not self.symbols or any(len(symbol) != 1 for symbol in self.symbols):
            raise CharloopError("a vocabulary's symbols must be single characters, and at least one")
        if any(one >= other for one, other in zip(self.symbols, self.symbols[1:], strict=False)):
            raise CharloopError("a vocabulary's symbols must be sorted by code point and distinct")

    @classmethod
    def of_text(cls, text: str) -> "Vocabulary":
        """Return the vocabulary of the characters of `text` (at least one)."""
        return cls(tuple(sorted(set(text))))

    @classmethod
    def of_bytes(cls, documents: str = "") -> "Vocabulary":
        """Return the vocabulary of the 256 bytes."""
        return cls(_ALL_BYTES, "byte", documents=documents)

    @property
    def size(self) -> int:
        """The number of tokens: the symbols, and the end symbol and the unknown symbol if there are any."""
        return len(self.symbols) + bool(self.documents) + (self.min_count > 1)

    @property
    def end_id(self) -> int | None:
        """The token of the end symbol, if there is one."""
        return len(self.symbols) if self.documents else None

    @property
    def unknown_id(self) -> int | None:
        """The token of the unknown symbol, if there is one."""
        return self.size - 1 if self.min_count > 1 else None

    @cached_property
    def table(self) -> Int[np.ndarray, "code_points"]:
        """The token of each code point, for unit "char"; -1 where there is none."""
        table = np.full(CODE_POINTS, -1, np.int32)
        table[self.codes] = np.arange(len(self.symbols), dtype=np.int32)
        if self.end_id is not None:
            table[ord(MARK)] = self.end_id
        return table

    @cached_property
    def codes(self) -> UInt32[np.ndarray, "symbols"]:
        """The code point of each symbol."""
        return code_points("".join(self.symbols))

    def encode(self, text: str | bytes, unknown: Unknown = "error") -> Int[np.ndarray, " length"]:
        """Return the tokens of `text`, int32: one per character, or one per byte (of the UTF-8 form of a string).

        Characters outside the vocabulary become the unknown symbol; unknown="skip" drops them instead. Without an
        unknown symbol, the first such character raises CharloopError with its line, its column and the nearest
        known characters.
        """
        return self._encode(text, unknown, marks=False)

    def _encode(self, text: str | bytes, unknown: Unknown, *, marks: bool) -> Int[np.ndarray, " length"]:
        """Return the tokens of `text`; with `marks`, U+10FFFF in it is the end of a document."""
        if self.unit == "byte":
            raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            return np.frombuffer(raw, np.uint8).astype(np.int32)
        if isinstance(text, bytes):
            raise CharloopError("this vocabulary has characters, and got bytes", do="decode them first")
        ids: Int[np.ndarray, " length"] = self.table.take(code_points(text), mode="clip")
        known: Bool[np.ndarray, " length"] = (ids >= 0) & (marks or ids != self.end_id)
        if known.all():
            return ids
        if unknown == "skip":
            return np.compress(known, ids)
        if self.unknown_id is not None:
            return np.where(known, ids, np.int32(self.unknown_id))
        index = int(np.argmin(known))
        before = text[:index]
        line, column = before.count("\n") + 1, index - before.rfind("\n")
        raise unknown_character(text[index], f"line {line}, column {column}", self.symbols)

    def encode_text(self, text: str, unknown: Unknown = "error") -> Int[np.ndarray, " length"]:
        """Return the tokens of a whole text: as `encode`, and divided into documents if the vocabulary has them."""
        if not self.documents:
            return self.encode(text, unknown)
        rule = DocumentRule(self.documents)
        if self.unit == "byte":
            raw, cutter = text.encode("utf-8", "surrogateescape"), DocumentCutter(rule, BYTE_MARK)
            return code_points(cutter.feed(raw.decode("latin-1")) + cutter.end_file()).astype(np.int32)
        cutter = DocumentCutter(rule)
        return self._encode(cutter.feed(text) + cutter.end_file(), unknown, marks=True)

    def decode(self, ids: Ids) -> str:
        """Return the text of `ids`, with U+FFFD for the unknown symbol and for bytes that are not UTF-8.

        An end symbol is a newline.

        Raises CharloopError for an id out of range.
        """
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def count_unknown(self, tokens: Integer[np.ndarray, " length"]) -> int:
        """Return how many of `tokens`, which may be a large memory map, are the unknown symbol."""
        if self.unknown_id is None:
            return 0
        count = 0
        for start in range(0, len(tokens), RELEASE_TOKENS):
            count += int(np.count_nonzero(tokens[start : start + RELEASE_TOKENS] == self.unknown_id))
            release_pages(tokens)
        return count

    def decoder(self) -> "StreamDecoder":
        """Return a decoder for ids that arrive a few at a time, which may split the bytes of a character."""
        special = ("\n" if self.documents else "") + (UNKNOWN_SYMBOL if self.min_count > 1 else "")
        return StreamDecoder(np.concatenate([self.codes, code_points(special)]), as_bytes=self.unit == "byte")

    def keep_stray_bytes(self) -> "Vocabulary":
        """Return the same vocabulary, which decodes bytes that are not UTF-8 as `STRAY_BYTES` instead of U+FFFD."""
        return _KeepingVocabulary(self.symbols, self.unit, self.min_count, self.documents)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` accepts."""
        settings: dict[str, Any] = {"min_count": self.min_count} if self.min_count > 1 else {}
        settings |= {"documents": self.documents} if self.documents else {}
        return {"unit": self.unit, "symbols": list(self.symbols), **settings}

    @classmethod
    def from_json(cls, document: object) -> "Vocabulary":
        """Return the vocabulary that `to_json` described. Raises CharloopError for any other `document`."""
        try:
            read = convert(document, _Document)
        except msgspec.ValidationError as error:
            raise CharloopError(f"malformed vocabulary: {error}") from error
        return cls(tuple(read.symbols), read.unit, read.min_count, read.documents)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the canonical JSON: equal for equal vocabularies, in every process."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class _KeepingVocabulary(Vocabulary):
    """A vocabulary that loses no byte: `encode` returns the ids that `decode` was given."""

    def decoder(self) -> "StreamDecoder":
        return super().decoder().keep_stray_bytes()


class StreamDecoder:
    """Turns ids into text a few at a time, and holds back bytes that do not form a whole character yet."""

    def __init__(self, codes: UInt32[np.ndarray, "vocab"], *, as_bytes: bool) -> None:
        """`codes`: the code point, or byte value, of each id."""
        self._codes = codes
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace") if as_bytes else None

    def keep_stray_bytes(self) -> "StreamDecoder":
        """Decode bytes that are not UTF-8 as `STRAY_BYTES` from now on, and return the decoder itself."""
        if self._bytes is not None:
            self._bytes.errors = "surrogateescape"
        return self

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
