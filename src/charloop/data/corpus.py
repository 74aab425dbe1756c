"""A corpus: any text, tokenised once and memory-mapped."""

import difflib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt

from charloop.data.decoding import Errors, check_encoding
from charloop.data.detecting import AUTO, Encodings, detect_encodings, list_encodings
from charloop.data.documents.cutting import PATTERNS
from charloop.data.documents.labels import RECORD
from charloop.data.documents.records import note_unread_fields
from charloop.data.finding import FoundText, find_sources
from charloop.data.reading import EarlierReading, HoldOut, Reading, TokenRequest
from charloop.data.split import Split, align_split, find_end, split_tokens
from charloop.data.token_cache import find_or_write_tokens
from charloop.data.tokenizing import dtype_of
from charloop.data.vocabulary import Unit, Vocabulary
from charloop.errors import CharloopError
from charloop.files.cache import cache_folder
from charloop.given import Fields, source_names
from charloop.notebook import ReadingLine, is_in_notebook
from charloop.progress import Meter, ProgressListener
from charloop.wording import number_of


@dataclass(frozen=True, eq=False)
class Corpus:
    """A tokenised text.

    `tokens`: a read-only memory map in the smallest unsigned type that fits the vocabulary.
    `content_hash`: sha256 of the raw bytes, whatever the files are called: of a single file as sha256sum prints it,
    of several the sha256 of their sha256s. `notes`: what was changed or left out.
    `description`: a short name for people. `suggested_name`: one for a run's folder.
    """

    tokens: UInt[np.ndarray, " length"]
    vocabulary: Vocabulary
    content_hash: str
    notes: tuple[str, ...]
    description: str
    suggested_name: str
    encodings: Encodings | None = None
    """What encoding "auto" has found."""

    def split(self, validation_fraction: float, test_fraction: float = 0.0) -> Split:
        """Return how the text is divided into training, validation and test text; documents stay whole.

        Raises CharloopError if a part that is wanted would be too small.
        """
        cut = split_tokens(len(self.tokens), validation_fraction, test_fraction)
        end = self.vocabulary.end_id
        if end is None:
            return cut
        if any(cut.sizes[1:]) and find_end(self.tokens, end, len(self.tokens) - 2, first=1) is None:
            rule = self.vocabulary.documents
            near = [] if rule in PATTERNS else difflib.get_close_matches(rule, PATTERNS, n=1)
            change = f"change --documents '{rule}', or set --validation-fraction and --test-fraction to 0"
            raise CharloopError(
                "the whole text is one document: no other is left to hold out",
                do=f"did you mean --documents {near[0]}?" if near else change,
            )
        return align_split(cut, self.tokens, end)

    @classmethod
    def of_tokens(cls, tokens: np.ndarray, vocabulary: Vocabulary) -> "Corpus":
        """Return a corpus of a copy of `tokens`: `[length]` integers, indices in the table of `vocabulary`.

        Raises CharloopError for another shape or type, fewer than two, or a token outside the vocabulary.
        """
        if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer) or len(tokens) < 2:
            what = f"{tokens.dtype}{list(tokens.shape)}"
            raise CharloopError("tokens", got=what, allowed="one axis of two integers or more")
        lowest, highest = int(tokens.min()), int(tokens.max())
        if lowest < 0 or highest >= vocabulary.size:
            wrong = lowest if lowest < 0 else highest
            raise CharloopError("a token", got=wrong, allowed=f"0 to {vocabulary.size - 1}, the vocabulary's")
        copied = tokens.astype(dtype_of(vocabulary.size))
        copied.flags.writeable = False
        digest = hashlib.sha256(vocabulary.fingerprint.encode())
        digest.update(copied.astype("<u4").tobytes())
        return cls(copied, vocabulary, digest.hexdigest(), (), "given tokens", "tokens")


def load_corpus(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | FoundText,
    *,
    encoding: str = "utf-8",
    unit: Unit = "char",
    vocabulary: Vocabulary | None = None,
    unknown: Reading = "error",
    errors: Errors = "strict",
    min_count: int = 1,
    documents: str = "",
    shuffle: int | None = None,
    earlier: EarlierReading | None = None,
    hold_out: HoldOut = "end",
    fields: Fields | None = None,
    cache: Path | None = None,
    listener: ProgressListener | None = None,
) -> Corpus:
    """Return the tokens of `sources`, concatenated: files, folders, globs, -, named corpora; or of a found text.

    encoding "auto": that of each file is found.
    unit "char": line ends become LF, and a file that does not end in one gets one before the next begins.
    errors="replace" replaces bytes that are not valid in `encoding` by U+FFFD; otherwise they are refused.
    Characters that occur fewer than `min_count` times become one unknown symbol. unit "byte": nothing is changed.
    `documents` divides the text (see `DocumentRule`): the end symbol stands before the first document and after each,
    instead of what separates them. `shuffle` is a seed by which documents are put in random order. `fields` reads
    tables and JSON lines instead: each record is a document, and its label one more token before it.
    Without `shuffle`, hold_out="each-file" orders them by their places in their files, so that the end of the text
    holds the end of each file (where files are documents: of each folder).
    A given `vocabulary` determines the unit, the documents and the unknown symbol. Where it has none, a character
    outside it is refused, or with unknown="skip" left out. With unknown="learn" it joins the vocabulary, unless it
    occurs fewer times than the vocabulary's `min_count`. Before that, what is unknown is written in the Unicode form
    (NFC or NFD) of which all characters are in the vocabulary, if there is one. `earlier` instead reads the text from
    which the vocabulary was made as it was read then. `cache` is where tokens are kept, by default `cache_folder()`;
    `listener` receives progress reports, which a notebook otherwise shows.
    Raises CharloopError for whatever cannot be read, or is too small to learn from.
    """
    if encoding != AUTO:
        check_encoding(encoding)
    unit, folder = vocabulary.unit if vocabulary else unit, cache or cache_folder()
    if min_count < 1 or (min_count > 1 and unit == "byte"):
        allowed = "1 or more" if unit == "char" else "1: bytes have no unknown symbol"
        raise CharloopError("--min-count", got=min_count, allowed=allowed)
    if isinstance(sources, FoundText):
        found = sources
    else:
        # Bytes are those of the files; of records, those of their texts.
        kind: Unit = "char" if fields else unit
        found = find_sources(
            source_names(sources),
            encoding=encoding,
            unit=kind,
            errors=errors,
            cache=folder,
            records=fields is not None,
        )
    documents = choose_rule(documents, fields)
    if vocabulary:
        documents, min_count = vocabulary.documents, vocabulary.min_count
    if shuffle is not None and not documents:
        raise CharloopError("--shuffle without documents", do="say what a document is: --documents line")
    if earlier is None:
        earlier = EarlierReading("".join(vocabulary.symbols) if vocabulary else "")
    is_auto = encoding == AUTO and unit == "char"
    texts, read_as = detect_encodings(found.sources, earlier.encodings) if is_auto else (found.sources, ())
    request = TokenRequest(
        texts,
        encoding,
        unit,
        vocabulary,
        unknown,
        errors,
        min_count,
        documents,
        shuffle,
        form_characters=earlier.form_characters,
        hold_out=hold_out,
        fields=fields,
    )
    line = ReadingLine() if listener is None and is_in_notebook() else None
    unread: tuple[str, ...] = ()
    if fields is None and not documents and request.learns:
        unread = note_unread_fields(texts, *(("utf-8", "strict") if unit == "byte" else (encoding, errors)))
    cached, content_hash, notes = find_or_write_tokens(request, folder / "tokens", Meter(listener or line))
    if line and line.is_shown:
        line.show(f"{found.description}: {number_of(len(cached.tokens), 'token')}", at_once=True)
    return Corpus(
        cached.tokens,
        cached.vocabulary,
        content_hash,
        (*found.notes, *read_as, *unread, *cached.notes, *notes),
        found.description,
        found.suggested_name,
        list_encodings(texts) if is_auto else None,
    )


def choose_rule(documents: str, fields: Fields | None) -> str:
    """Return the rule that divides a text. Raises CharloopError for fields that contradict it or each other."""
    if fields is None:
        if documents == RECORD:
            raise CharloopError("--documents record", do="say which field is the text: --text-field NAME")
        return documents
    if not fields.text:
        raise CharloopError("--label-field without --text-field", do="say which field is the text")
    if fields.text == fields.label:
        raise CharloopError("--text-field and --label-field are the same", got=fields.text, do="name two")
    if documents not in ("", RECORD):
        do = "leave one out: each record is a document"
        raise CharloopError("--documents and --text-field do not go together", do=do)
    return RECORD
