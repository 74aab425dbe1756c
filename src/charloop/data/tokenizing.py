"""A text to tokens in a file, in one pass, block by block: memory use does not grow with the text."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Int, UInt

from charloop.data.decoding import AS_UNKNOWN, decode
from charloop.data.documents.cutting import MARK
from charloop.data.documents.labels import FIRST_LABEL
from charloop.data.forms import KnownForms, whole_clusters
from charloop.data.numbering import CODE_POINTS, Numbering, narrow_code_points
from charloop.data.reading import SourceReader, TokenRequest
from charloop.data.sources import Source
from charloop.data.token_file import TokenFile
from charloop.data.unknown import unknown_character
from charloop.data.vocabulary import Vocabulary
from charloop.errors import CharloopError
from charloop.progress import Meter


@dataclass(frozen=True)
class WrittenTokens:
    """What is in a token file.

    `sha256` is the file's; `digests` are the sha256 of each source as it was read, `size` their total in bytes,
    `documents` the name of each source that has documents, and their number.
    """

    dtype: str
    sha256: str
    vocabulary: Vocabulary
    notes: tuple[str, ...]
    length: int
    distinct: bool
    digests: tuple[str, ...]
    size: int
    documents: tuple[tuple[str, int], ...]


def dtype_of(size: int) -> np.dtype[np.unsignedinteger]:
    """Return the smallest unsigned type that holds 0 to `size` - 1."""
    return np.dtype(np.min_scalar_type(size - 1))


def write_tokens(request: TokenRequest, stream: BinaryIO, meter: Meter) -> WrittenTokens:
    """Write the tokens of `request` to `stream`, which must be readable too; every byte of the text is read once.

    Raises CharloopError with file and position of what cannot be decoded or is not in the vocabulary. Errors:
    OSError.
    """
    reader = SourceReader(request, meter)
    file = TokenFile(stream, np.dtype(np.uint8))
    notes: tuple[str, ...] = ()
    if request.unit == "byte":
        for block in reader.blocks() if not request.documents else ():
            file.write(np.frombuffer(block, np.uint8))
        for text in reader.byte_documents() if request.documents else ():
            file.write(narrow_code_points(text))
        vocabulary = Vocabulary.of_bytes(request.documents, reader.labels.labels)
        if vocabulary.end_id is not None:
            # Until now the end symbol had the number before those of the labels.
            order = np.array([*range(256), vocabulary.end_id, *vocabulary.label_ids])
            file.renumber(order, dtype_of(vocabulary.size), meter)
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
        tuple(reader.documents),
    )


def _write_and_learn(reader: SourceReader, file: TokenFile) -> tuple[Vocabulary, tuple[str, ...]]:
    """Write the tokens of the text's own vocabulary, or of a given one that grows; return it and notes on it."""
    request = reader.request
    known = request.vocabulary
    given = [*known.codes.tolist(), *code_labels(known)] if known else []
    # Labels and the mark at the end of documents are no symbols; in a text without any they may be.
    first = ord(FIRST_LABEL if request.fields else MARK) if request.documents else CODE_POINTS
    numbering, forms = Numbering(given), KnownForms(request.form_characters)
    counts: Int[np.ndarray, " known"] = np.zeros(0, np.int64)
    for _, text in whole_clusters(reader.texts()) if request.form_characters else reader.texts():
        if request.form_characters and numbering.look_up(text).max() >= len(given):
            text, changed = forms.rewrite(text)
            reader.changes.other_forms += changed
        numbers = numbering.number(text)
        if request.min_count > 1:
            counts = np.append(counts, np.zeros(len(numbering.codes) - len(counts), np.int64))
            counts += np.bincount(numbers, minlength=len(counts))
        file.write(numbers)
    if not file.length:
        raise CharloopError(f"{request.name} is empty", do="name a text with characters in it")
    kept = counts >= request.min_count if request.min_count > 1 else np.ones(len(numbering.codes), bool)
    kept[: len(given)] = True
    is_special = np.array(numbering.codes) >= first
    if not (kept & ~is_special).any():
        raise CharloopError(
            f"every character of {request.name} is rarer than --min-count",
            got=request.min_count,
            allowed=f"up to {counts[~is_special].max():,}, the count of its most frequent character",
        )
    kept |= is_special
    # These code points, the last of all, get the tokens after the last symbol.
    codes, ranks = numbering.ranks(kept)
    symbols = tuple(map(chr, codes[: len(codes) - is_special.sum()].tolist()))
    labels = reader.labels.labels
    vocabulary = Vocabulary(symbols, min_count=request.min_count, documents=request.documents, labels=labels)
    file.renumber(ranks, dtype_of(vocabulary.size), reader.meter)
    if request.vocabulary and request.min_count > 1:
        reader.changes.unknown_characters += int(counts[~kept].sum())
        return vocabulary, ()
    return vocabulary, _note_rare(request.min_count, counts[~kept]) if request.min_count > 1 else ()


def code_labels(vocabulary: Vocabulary) -> range:
    """Return the code points that stand for the labels of a vocabulary until characters become tokens."""
    return range(ord(FIRST_LABEL), ord(FIRST_LABEL) + len(vocabulary.labels))


def _note_rare(min_count: int, rare: Int[np.ndarray, " rare"]) -> tuple[str]:
    """Return the note on characters that became the unknown symbol, given the count of each in the text."""
    if not rare.size:
        return (f"no character is rarer than {min_count}: the network never reads its unknown symbol",)
    kinds, total = f"{rare.size:,} characters rarer than {min_count}", f"{rare.sum():,} occurrences"
    return (f"read {kinds} ({total}) {AS_UNKNOWN}",)


def _write_known(reader: SourceReader, vocabulary: Vocabulary, file: TokenFile) -> None:
    """Write the tokens of a given vocabulary."""
    marks = [*code_labels(vocabulary), ord(MARK)] if vocabulary.documents else []
    numbering, dtype = Numbering([*vocabulary.codes.tolist(), *marks]), dtype_of(vocabulary.size)
    forms = KnownForms(reader.request.form_characters)
    for source, text in whole_clusters(reader.texts()):
        numbers = numbering.look_up(text)
        known = numbers != numbering.missing
        if not known.all():
            text, changed = forms.rewrite(text)
            reader.changes.other_forms += changed
            numbers = numbering.look_up(text)
            known = numbers != numbering.missing
        if not known.all():
            numbers = _replace_missing(reader, vocabulary, numbers, known, source, text)
        if numbers.size:
            file.write(numbers.astype(dtype, copy=False))


def _replace_missing(
    reader: SourceReader,
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
    forms = KnownForms(request.form_characters)
    decoded = decode(source, request.encoding, errors=request.errors)
    if request.fields:
        for record in SourceReader(request, Meter(None)).records(source, decoded, request.fields):
            if unknown in forms.mask(record.text):
                return unknown_character(unknown, record.where, vocabulary.symbols)
        return changed_while_read(source.name)
    line, column = 1, 1
    for _, text in whole_clusters((source, block) for block in decoded if block):
        if (index := forms.mask(text).find(unknown)) >= 0:
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
