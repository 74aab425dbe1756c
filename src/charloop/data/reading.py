"""What text is wanted, and its blocks of characters in one reading."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from charloop.data.decoding import Errors, TextChanges, decode
from charloop.data.detecting import Encodings
from charloop.data.documents.cutting import BYTE_MARK, MARK, DocumentCutter, DocumentRule
from charloop.data.documents.labels import FIRST_BYTE_LABEL, FIRST_LABEL, LabelBook
from charloop.data.documents.record import Record, check_text
from charloop.data.documents.records import find_format, read_records
from charloop.data.sources import BLOCK_BYTES, Source
from charloop.data.undecodable import refuse_utf16
from charloop.data.vocabulary import Unit, Vocabulary
from charloop.given import Fields
from charloop.progress import Meter, MeteredDigest

HoldOut: TypeAlias = Literal["each-file", "end"]
"""Which documents are held out: the last of each file (where files are documents: of each folder), or of all."""
Reading: TypeAlias = Literal["error", "skip", "learn"]
"""What happens to characters of a text that a given vocabulary lacks; "learn": they join it."""


@dataclass(frozen=True)
class EarlierReading:
    """What decides how a text is read again as it was read when its vocabulary was made."""

    form_characters: str = ""
    """See `TokenRequest`."""
    encodings: Encodings | None = None
    """What encoding "auto" has found; None: not recorded."""


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
    form_characters: str = ""
    """Characters of which clusters are written that the vocabulary lacks as they are (see `KnownForms`)."""
    hold_out: HoldOut = "end"
    """Which documents come last, if they stay in order."""
    fields: Fields | None = None
    """The fields of the text and the label, where each record is a document."""

    @property
    def name(self) -> str:
        """The name of the whole text in messages."""
        return self.sources[0].name if len(self.sources) == 1 else f"the text of {len(self.sources):,} files"

    def parts(self, source: Source) -> Iterator[Source]:
        """Yield the texts in `source`. Only documents that may span lines end where a text of several does."""
        yield from source.parts() if self.documents not in ("", "line") else (source,)

    @property
    def key_parts(self) -> tuple[object, ...]:
        """All but the content that distinguishes the resulting tokens from others."""
        documents: tuple[object, ...] = ("documents", self.documents, self.shuffle) if self.documents else ()
        if self.spreads:
            folders = [source.name for source in self.sources] if self.documents == "file" else []
            documents += (self.hold_out, *folders)
        if self.fields:
            documents += (self.fields, *(find_format(source.name) for source in self.sources))
        if self.unit == "byte":
            known = self.vocabulary if self.fields else None
            return ("byte", *documents, *((known.fingerprint, self.unknown) if known else ()))
        encodings = tuple(source.encoding or self.encoding for source in self.sources)
        if self.vocabulary:
            forms = ("forms", self.form_characters) if self.form_characters else ()
            return encodings, self.errors, self.vocabulary.fingerprint, self.unknown, *forms, *documents
        return encodings, self.errors, self.min_count, *documents

    @property
    def spreads(self) -> bool:
        """Whether documents are put in an order whose end holds the end of each file."""
        in_order = bool(self.documents) and self.shuffle is None
        return in_order and self.hold_out == "each-file" and len(self.sources) > 1

    @property
    def learns(self) -> bool:
        """Whether the text decides the vocabulary, or extends it."""
        return self.vocabulary is None or self.unknown == "learn"

    @property
    def as_learned(self) -> "TokenRequest":
        """The request that may have made this one's vocabulary; if it did, the tokens are the same."""
        min_count = self.vocabulary.min_count if self.vocabulary else self.min_count
        if self.form_characters and min_count > 1:  # a rare character may be known in another form
            return self
        return replace(self, vocabulary=None, min_count=min_count)


@dataclass
class SourceReader:
    """Reads the sources of a request once, from first byte to last, and records hashes, sizes and changes."""

    request: TokenRequest
    meter: Meter
    changes: TextChanges = field(default_factory=TextChanges)
    digests: list[str] = field(default_factory=list)
    """The sha256 of each source that has been read completely."""
    size: int = 0
    """The bytes of these sources."""
    documents: list[tuple[str, int]] = field(default_factory=list)
    """The name of each source that has documents, and their number."""
    labels: LabelBook = field(init=False)
    """The labels of the records so far."""

    def __post_init__(self) -> None:
        known, learns = self.request.vocabulary, self.request.learns
        first = FIRST_BYTE_LABEL if self.request.unit == "byte" else FIRST_LABEL
        skips = self.request.unknown == "skip"
        self.labels = LabelBook(known.labels if known else (), learns=learns, skips=skips, first=first)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes of all sources."""
        for source in self.request.sources:
            yield from self._raw(source)

    def texts(self) -> Iterator[tuple[Source, str]]:
        """Yield non-empty blocks of characters; a source whose last line has no end gets one before the next.

        Of documents, the blocks have a mark before the first and after each, and no separators.
        """
        if self.request.documents:
            yield from self._count(MARK, self._documents(MARK, self._decoded))
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
        read = self._escaped_characters if self.request.fields else self._raw_characters
        for _, text in self._count(BYTE_MARK, self._documents(BYTE_MARK, read)):
            yield text

    def _count(self, mark: str, pairs: Iterable[tuple[Source, str]]) -> Iterator[tuple[Source, str]]:
        """Yield `pairs`, and record the documents of each source."""
        # The mark before the first document ends none.
        previous, count = None, -1
        for source, text in pairs:
            if source is not previous:
                count = count if previous is None else 0
                self.documents.append((source.name, count))
                previous = source
            count += text.count(mark)
            self.documents[-1] = (source.name, count)
            yield source, text

    def _documents(self, mark: str, read: Callable[[Source], Iterable[str]]) -> Iterator[tuple[Source, str]]:
        """Yield the non-empty blocks of documents, read by `read`."""
        if self.request.fields:
            yield from self._records(self.request.fields, mark, read)
            return
        cutter = DocumentCutter(DocumentRule(self.request.documents), mark)
        for source in self.request.sources:
            for part in self.request.parts(source):
                for text in filter(None, (cutter.feed(block, part.name) for block in read(part))):
                    yield source, text
                if text := cutter.end_file():
                    yield source, text
        self.changes.empty_lines += cutter.empty_lines

    def _records(
        self, fields: Fields, mark: str, read: Callable[[Source], Iterable[str]]
    ) -> Iterator[tuple[Source, str]]:
        """Yield blocks of records, each with its label before it and the mark after it."""
        parts, size = [mark], 0
        for source in self.request.sources:
            for record in self.records(source, read(source), fields):
                if text := self._clean(record):
                    label = self.labels.encode(record, fields.label) if fields.label else ""
                    parts += (label, text, mark)
                    size += len(text)
                self.changes.empty_records += not text
                if size >= BLOCK_BYTES:
                    yield source, "".join(parts)
                    parts, size = [], 0
            if size:
                yield source, "".join(parts)
                parts, size = [], 0
        self.changes.skipped_labels += self.labels.skipped

    def records(self, source: Source, blocks: Iterable[str], fields: Fields) -> Iterator[Record]:
        """Return the records of a source, given its characters."""
        request = self.request
        accepts_text = request.vocabulary is not None
        return read_records(
            blocks, source.name, fields, accepts_text=accepts_text, needs_label=request.learns
        )

    def _clean(self, record: Record) -> str:
        """Return the text of a record as that of other documents is read."""
        text = record.text.strip("\r\n")
        if text.isascii() and "\r" not in text:
            return text
        check_text(record)
        if self.request.unit == "byte":
            return text.encode("utf-8", "surrogateescape").decode("latin-1")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _decoded(self, source: Source) -> Iterator[str]:
        """Yield the non-empty blocks of characters of a source."""
        request, digest = self.request, MeteredDigest(self.meter)
        blocks = decode(source, request.encoding, errors=request.errors, changes=self.changes, digest=digest)
        yield from filter(None, blocks)
        self._end(digest)

    def _raw_characters(self, source: Source) -> Iterator[str]:
        """Yield the bytes of a source as the characters U+0000 to U+00FF."""
        return (block.decode("latin-1") for block in self._raw(source))

    def _escaped_characters(self, source: Source) -> Iterator[str]:
        """Yield the characters of a source in UTF-8, with `STRAY_BYTES` for other bytes."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        for number, block in enumerate(self._raw(source)):
            if not number:
                refuse_utf16(source.name, block)
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)

    def _raw(self, source: Source) -> Iterator[bytes]:
        """Yield the bytes of a source."""
        digest = MeteredDigest(self.meter)
        yield from source.blocks(digest=digest)
        self._end(digest)

    def _end(self, digest: MeteredDigest) -> None:
        self.digests.append(digest.hexdigest())
        self.size += digest.size
