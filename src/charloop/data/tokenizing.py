"""A text to tokens in a file, in one pass, block by block: memory use does not grow with the text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Int, UInt

from charloop.data.decoding import AS_UNKNOWN, Errors, TextChanges, decode
from charloop.data.documents import BYTE_MARK, MARK, DocumentCutter, DocumentRule
from charloop.data.numbering import Numbering, narrow_code_points
from charloop.data.sources import Source
from charloop.data.token_file import TokenFile
from charloop.data.vocabulary import Unit, Vocabulary, unknown_character
from charloop.errors import CharloopError
from charloop.progress import Meter, MeteredDigest

Reading: TypeAlias = Literal["error", "skip", "learn"]
"""What happens to characters of a text that a given vocabulary lacks; "learn": they join it."""


@dataclass(frozen=True)
class TokenRequest:
    """All that decides the tokens of a text."""

    sources: tuple[Source, ...]
    encoding: str
    unit: Unit
    vocabulary: Vocabulary | None
    unknown: Reading
    errors: Errors = "strict"
    min_count: int = 1
    documents: str = ""
    """How the text is divided into documents, if it is."""
    shuffle: int | None = None
    """The seed by which documents are put in random order; None: they stay in order."""

    @property
    def name(self) -> str:
        """The name of the whole text in messages."""
        return self.sources[0].name if len(self.sources) == 1 else f"the text of {len(self.sources):,} files"

    @property
    def key_parts(self) -> tuple[object, ...]:
        """All but the content that distinguishes the resulting tokens from others."""
        documents = ("documents", self.documents, self.shuffle) if self.documents else ()
        if self.unit == "byte":
            return ("byte", *documents)
        encodings = tuple(source.encoding or self.encoding for source in self.sources)
        if self.vocabulary:
            return encodings, self.errors, self.vocabulary.fingerprint, self.unknown, *documents
        return encodings, self.errors, self.min_count, *documents

    @property
    def as_learned(self) -> "TokenRequest":
        """The request that may have made this one's vocabulary; if it did, the tokens are the same."""
        min_count = self.vocabulary.min_count if self.vocabulary else self.min_count
        return replace(self, vocabulary=None, min_count=min_count)


@dataclass(frozen=True)
class WrittenTokens:
    """What is in a token file.

    `sha256` is the file's; `digests` are the sha256 of each source as it was read, `size` their total in bytes.
    """

    dtype: str
    sha256: str
    vocabulary: Vocabulary
    notes: tuple[str, ...]
    length: int
    distinct: bool
    digests: tuple[str, ...]
    size: int


@dataclass
class _Reader:
    """Reads the sources of a request once, from first byte to last, and records hashes, sizes and changes."""

    request: TokenRequest
    meter: Meter
    changes: TextChanges = field(default_factory=TextChanges)
    digests: list[str] = field(default_factory=list)
    """The sha256 of each source that has been read completely."""
    size: int = 0
    """The bytes of these sources."""

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes of all sources."""
        for source in self.request.sources:
            yield from self._raw(source)

    def texts(self) -> Iterator[tuple[Source, str]]:
        """Yield non-empty blocks of characters; a source whose last line has no end gets one before the next.

        Of documents, the blocks have a mark before the first and after each, and no separators.
        """
        if self.request.documents:
            yield from self._documents(MARK, self._decoded)
            return
        vocabulary = self.request.vocabulary
        has_line_ends = vocabulary is None or vocabulary.unknown_id is not None or "\n" in vocabulary.symbols
        previous, last = None, "\n"
        for source in self.request.sources:
            for text in self._decoded(source):
                if previous is not None and previous is not source and last != "\n" and has_line_ends:
                    yield previous, "\n"
                previous, last = source, text[-1]
                yield source, text

    def byte_documents(self) -> Iterator[str]:
        """Yield the bytes of documents as characters, with marks as `texts` has them."""
        for _, text in self._documents(BYTE_MARK, self._raw_characters):
            yield text

    def _documents(self, mark: str, read: Callable[[Source], Iterable[str]]) -> Iterator[tuple[Source, str]]:
        """Yield the non-empty blocks of documents, read by `read`."""
        cutter = DocumentCutter(DocumentRule(self.request.documents), mark)
        for source in self.request.sources:
            for text in filter(None, (cutter.feed(block, source.name) for block in read(source))):
                yield source, text
            if text := cutter.end_file():
                yield source, text
        self.changes.empty_lines += cutter.empty_lines

    def _decoded(self, source: Source) -> Iterator[str]:
        """Yield the non-empty blocks of characters of a source."""
        request, digest = self.request, MeteredDigest(self.meter)
        blocks = decode(source, request.encoding, errors=request.errors, changes=self.changes, digest=digest)
        yield from filter(None, blocks)
        self._end(digest)

    def _raw_characters(self, source: Source) -> Iterator[str]:
        """Yield the bytes of a source as the characters U+0000 to U+00FF."""
        return (block.decode("latin-1") for block in self._raw(source))

    def _raw(self, source: Source) -> Iterator[bytes]:
        """Yield the bytes of a source."""
        digest = MeteredDigest(self.meter)
        yield from source.blocks(digest=digest)
        self._end(digest)

    def _end(self, digest: MeteredDigest) -> None:
        self.digests.append(digest.hexdigest())
        self.size += digest.size


def dtype_of(size: int) -> np.dtype[np.unsignedinteger]:
    """Return the smallest unsigned type that holds 0 to `size` - 1."""
    return np.dtype(np.min_scalar_type(size - 1))


def write_tokens(request: TokenRequest, stream: BinaryIO, meter: Meter) -> WrittenTokens:
    """Write the tokens of `request` to `stream`, which must be readable too; every byte of the text is read once.

    Raises CharloopError with file and position of what cannot be decoded or is not in the vocabulary. Errors:
    OSError.
    """
    reader = _Reader(request, meter)
    file = TokenFile(stream, np.dtype(np.uint8))
    notes: tuple[str, ...] = ()
    if request.unit == "byte":
        vocabulary = Vocabulary.of_bytes(request.documents)
        for block in reader.blocks() if not request.documents else ():
            file.write(np.frombuffer(block, np.uint8))
        for text in reader.byte_documents() if request.documents else ():
            file.write(narrow_code_points(text))
    elif request.vocabulary and request.unknown != "learn":
        vocabulary = request.vocabulary
        _write_known(reader, vocabulary, file)
    else:
        vocabulary, notes = _write_and_learn(reader, file)
    return WrittenTokens(
        file.dtype.name,
        file.sha256,
        vocabulary,
        (*reader.changes.notes(), *notes),
        file.length,
        file.distinct,
        tuple(reader.digests),
        reader.size,
    )


def _write_and_learn(reader: _Reader, file: TokenFile) -> tuple[Vocabulary, tuple[str, ...]]:
    """Write the tokens of the text's own vocabulary, or of a given one that grows; return it and notes on it."""
    request = reader.request
    given = request.vocabulary.codes if request.vocabulary else np.zeros(0, np.uint32)
    numbering = Numbering(given)
    counts: Int[np.ndarray, " known"] = np.zeros(0, np.int64)
    for _, text in reader.texts():
        numbers = numbering.number(text)
        if request.min_count > 1:
            counts = np.append(counts, np.zeros(len(numbering.codes) - len(counts), np.int64))
            counts += np.bincount(numbers, minlength=len(counts))
        file.write(numbers)
    if not file.length:
        raise CharloopError(f"{request.name} is empty", do="name a text with characters in it")
    kept = counts >= request.min_count if request.min_count > 1 else np.ones(len(numbering.codes), bool)
    kept[: len(given)] = True
    is_mark = np.array(numbering.codes) == ord(MARK) if request.documents else np.zeros(len(kept), bool)
    if not (kept & ~is_mark).any():
        raise CharloopError(
            f"every character of {request.name} is rarer than --min-count",
            got=request.min_count,
            allowed=f"up to {counts.max():,}, the count of its most frequent character",
        )
    kept |= is_mark
    # The mark, the last of all code points, gets the token after the last symbol: that of the end symbol.
    codes, ranks = numbering.ranks(kept)
    symbols = tuple(map(chr, codes[: len(codes) - is_mark.sum()].tolist()))
    vocabulary = Vocabulary(symbols, min_count=request.min_count, documents=request.documents)
    file.renumber(ranks, dtype_of(vocabulary.size), reader.meter)
    if request.vocabulary and request.min_count > 1:
        reader.changes.unknown_characters += int(counts[~kept].sum())
        return vocabulary, ()
    return vocabulary, _note_rare(request.min_count, counts[~kept]) if request.min_count > 1 else ()


def _note_rare(min_count: int, rare: Int[np.ndarray, " rare"]) -> tuple[str]:
    """Return the note on characters that became the unknown symbol, given the count of each in the text."""
    if not rare.size:
        return (f"no character is rarer than {min_count}: the network never reads its unknown symbol",)
    kinds, total = f"{rare.size:,} characters rarer than {min_count}", f"{rare.sum():,} occurrences"
    return (f"read {kinds} ({total}) {AS_UNKNOWN}",)


def _write_known(reader: _Reader, vocabulary: Vocabulary, file: TokenFile) -> None:
    """Write the tokens of a given vocabulary."""
    marks = [ord(MARK)] if vocabulary.documents else []
    numbering, dtype = Numbering([*vocabulary.codes.tolist(), *marks]), dtype_of(vocabulary.size)
    for source, text in reader.texts():
        numbers = numbering.look_up(text)
        known = numbers != numbering.missing
        if not known.all():
            numbers = _replace_missing(reader, vocabulary, numbers, known, source, text)
        if numbers.size:
            file.write(numbers.astype(dtype, copy=False))


def _replace_missing(
    reader: _Reader,
    vocabulary: Vocabulary,
    numbers: UInt[np.ndarray, " length"],
    known: Bool[np.ndarray, " length"],
    source: Source,
    text: str,
) -> UInt[np.ndarray, " kept"]:
    """Return the `numbers` of `text` without those that are not `known`, or with the unknown symbol instead of them.

    Raises CharloopError for the first unknown character where neither is allowed.
    """
    unknown = int(known.size - np.count_nonzero(known))
    if reader.request.unknown == "skip":
        reader.changes.skipped_characters += unknown
        return np.compress(known, numbers)
    if vocabulary.unknown_id is None:
        raise _unknown_in(reader.request, vocabulary, source, text[int(np.argmin(known))])
    reader.changes.unknown_characters += unknown
    return np.where(known, numbers, numbers.dtype.type(vocabulary.unknown_id))


def _unknown_in(request: TokenRequest, vocabulary: Vocabulary, source: Source, unknown: str) -> CharloopError:
    """Return the error for the character `unknown` of `source`, which is read again to count its line."""
    line, column = 1, 1
    for text in decode(source, request.encoding, errors=request.errors):
        if (index := text.find(unknown)) >= 0:
            before = text[:index]
            line += before.count("\n")
            column = index - before.rfind("\n") if "\n" in before else column + index
            where = f"{source.name}, line {line}, column {column}"
            return unknown_character(text[index], where, vocabulary.symbols)
        line += text.count("\n")
        column = len(text) - text.rfind("\n") if "\n" in text else column + len(text)
    return changed_while_read(source.name)


def changed_while_read(name: str) -> CharloopError:
    """Return the error for a text that became longer or shorter meanwhile."""
    return CharloopError(f"{name} changed while it was read", do="try again when nothing writes to it")
