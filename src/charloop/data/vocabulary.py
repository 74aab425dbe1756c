"""The table between characters (or bytes) and the token ids that a network reads."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Bool, Int, Integer, UInt32

from charloop.conversion import convert
from charloop.data.documents.cutting import BYTE_MARK, MARK, DocumentCutter, DocumentRule
from charloop.data.documents.labels import RECORD, check_labels, find_label
from charloop.data.numbering import CODE_POINTS, Ids, StreamDecoder, code_points
from charloop.data.token_file import count_tokens
from charloop.data.unknown import unknown_character
from charloop.errors import CharloopError

Unit: TypeAlias = Literal["char", "byte"]
Unknown: TypeAlias = Literal["error", "skip"]

UNKNOWN_SYMBOL = "\N{REPLACEMENT CHARACTER}"
"""How the unknown symbol is displayed. Its token differs from the token of this character."""
LABEL_SYMBOL = "\N{OBJECT REPLACEMENT CHARACTER}"
"""How a label is displayed where each token is one character; Unicode has this one for things that are no text."""
_ALL_BYTES = tuple(map(chr, range(256)))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """The content of `vocabulary.json`."""

    unit: Unit
    symbols: list[str]
    min_count: Annotated[int, msgspec.Meta(ge=1)] = 1
    documents: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The symbols that a network knows: a token is a symbol's index in `symbols`.

    unit "char": single characters, sorted by code point and distinct, so that the same text gives the same table in
    every process. unit "byte": always all 256 values; symbol `chr(i)` stands for the byte `i`.
    `min_count` above 1: characters that occur less often in the text are not symbols. They, and characters that never
    occur in it, share one more token, the last: the unknown symbol.
    `documents`: how texts are divided into documents (see `DocumentRule`), if they are. Then one more token is the
    end symbol, which stands before the first document and after each.
    `labels`: what documents are labelled with, in the order of first appearance. The label of a document is a token
    that stands before its first character. The order of tokens is: symbols, labels, end symbol, unknown symbol.
    Raises CharloopError when `symbols` is not such a table.
    """

    symbols: tuple[str, ...]
    unit: Unit = "char"
    min_count: int = 1
    documents: str = ""
    labels: tuple[str, ...] = ()
    _stray_bytes: str = field(default="replace", repr=False)
    """What decoding does with bytes that are not UTF-8."""

    def __post_init__(self) -> None:
        if self.documents:
            DocumentRule(self.documents)
        check_labels(self.labels, self.documents)
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
    def of_bytes(cls, documents: str = "", labels: tuple[str, ...] = ()) -> "Vocabulary":
        """Return the vocabulary of the 256 bytes."""
        return cls(_ALL_BYTES, "byte", documents=documents, labels=labels)

    @property
    def size(self) -> int:
        """The number of tokens: symbols and labels, and the end symbol and the unknown symbol if there are any."""
        return len(self.symbols) + len(self.labels) + bool(self.documents) + (self.min_count > 1)

    @property
    def label_ids(self) -> range:
        """The tokens of the labels, in their order."""
        return range(len(self.symbols), len(self.symbols) + len(self.labels))

    def label_id(self, label: str) -> int:
        """Return the token of a label. Raises CharloopError, with the nearest ones, for one that is not known."""
        return self.label_ids[find_label(label, self.labels)]

    def remove_labels(self, tokens: Integer[np.ndarray, " length"]) -> Integer[np.ndarray, " kept"]:
        """Return `tokens` without labels: the same array if there are none."""
        labels = self.label_ids
        return tokens[(tokens < labels.start) | (tokens >= labels.stop)] if labels else tokens

    def label_of(self, token: int) -> str | None:
        """Return the label whose token it is; None if it is not one."""
        return self.labels[token - len(self.symbols)] if token in self.label_ids else None

    @property
    def end_id(self) -> int | None:
        """The token of the end symbol, if there is one."""
        return len(self.symbols) + len(self.labels) if self.documents else None

    @property
    def unknown_id(self) -> int | None:
        """The token of the unknown symbol, if there is one."""
        return self.size - 1 if self.min_count > 1 else None

    @property
    def never_written(self) -> tuple[int, ...]:
        """The tokens that a network reads but never writes into a text: labels and the unknown symbol."""
        return (*self.label_ids, *([] if self.unknown_id is None else [self.unknown_id]))

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
        """Return the tokens of a whole text: as `encode`, and divided into documents if the vocabulary has them.

        For a vocabulary of records they are lines, with the empty label if it is known.
        """
        if not self.documents:
            return self.encode(text, unknown)
        as_bytes, rule = self.unit == "byte", DocumentRule(self.documents)
        cutter = DocumentCutter(rule, BYTE_MARK if as_bytes else MARK)
        given = text.encode("utf-8", "surrogateescape").decode("latin-1") if as_bytes else text
        given = cutter.feed(given) + cutter.end_file()
        if as_bytes:
            ids = code_points(given).astype(np.int32)
            ids = np.where(ids == ord(BYTE_MARK), np.int32(self.end_id or 0), ids)
        else:
            ids = self._encode(given, unknown, marks=True)
        if "" not in self.labels:
            return ids
        return np.insert(ids, np.flatnonzero(ids == self.end_id)[:-1] + 1, self.label_id(""))

    def decode(self, ids: Ids) -> str:
        """Return the text of `ids`, with U+FFFD for the unknown symbol and for bytes that are not UTF-8.

        An end symbol is a newline, a label is U+FFFC (among bytes "?").

        Raises CharloopError for an id out of range.
        """
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def count_unknown(self, tokens: Integer[np.ndarray, " length"]) -> int:
        """Return how many of `tokens`, which may be a large memory map, are the unknown symbol."""
        unknown = self.unknown_id
        return 0 if unknown is None else int(count_tokens(tokens, range(unknown, unknown + 1))[0])

    def decoder(self) -> StreamDecoder:
        """Return a decoder for ids that arrive a few at a time, which may split the bytes of a character."""
        return StreamDecoder(self.shown_codes, self._stray_bytes if self.unit == "byte" else None)

    @cached_property
    def shown_codes(self) -> UInt32[np.ndarray, "vocab"]:
        """The code point, or byte value, by which `decode` shows each token."""
        labels = ("?" if self.unit == "byte" else LABEL_SYMBOL) * len(self.labels)
        special = labels + "\n" * bool(self.documents) + UNKNOWN_SYMBOL * (self.min_count > 1)
        return np.concatenate([self.codes, code_points(special)])

    @property
    def joint(self) -> str:
        """What to write after a document: what its rule says, but an empty line where records have several lines."""
        lines = self.documents == RECORD and self.unit == "char" and "\n" in self.symbols
        return "\n\n" if lines else DocumentRule(self.documents).joint

    def keep_stray_bytes(self) -> "Vocabulary":
        """Return the same vocabulary, which decodes bytes that are not UTF-8 as `STRAY_BYTES` instead of U+FFFD."""
        return replace(self, _stray_bytes="surrogateescape")

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` accepts."""
        settings: dict[str, Any] = {"min_count": self.min_count} if self.min_count > 1 else {}
        settings |= {"documents": self.documents} if self.documents else {}
        settings |= {"labels": list(self.labels)} if self.labels else {}
        return {"unit": self.unit, "symbols": list(self.symbols), **settings}

    @classmethod
    def from_json(cls, document: object) -> "Vocabulary":
        """Return the vocabulary that `to_json` described. Raises CharloopError for any other `document`."""
        try:
            read = convert(document, _Document)
        except msgspec.ValidationError as error:
            raise CharloopError(f"malformed vocabulary: {error}") from error
        return cls(tuple(read.symbols), read.unit, read.min_count, read.documents, read.labels)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the canonical JSON: equal for equal vocabularies, in every process."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()
