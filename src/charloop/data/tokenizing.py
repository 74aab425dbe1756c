"""A text to tokens in a file, in one pass and a block at a time: memory does not grow with it."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Int, UInt

from charloop.data.decoding import AS_SIGN, decode
from charloop.data.nearest import unknown_character
from charloop.data.numbering import Numbering
from charloop.data.pieces import Piece
from charloop.data.progress import Meter
from charloop.data.reading import Reader, Request
from charloop.data.token_file import TokenFile
from charloop.data.vocabulary import Vocabulary
from charloop.errors import CharloopError


@dataclass(frozen=True)
class Written:
    """What is in a token file.

    `sha256` is the file's; `digests` are the sha256 of each piece as it was read for it, `size` its bytes in all.
    """

    dtype: str
    sha256: str
    vocabulary: Vocabulary
    notes: tuple[str, ...]
    length: int
    distinct: bool
    digests: tuple[str, ...]
    size: int


def dtype_of(size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest unsigned type that counts to `size` - 1."""
    return np.dtype(np.min_scalar_type(size - 1))


def write_tokens(request: Request, stream: BinaryIO, meter: Meter | None = None) -> Written:
    """Write the tokens of `request` to `stream`, which must be readable too; every byte of the text is read once.

    Errors: CharloopError naming file and position of what cannot be decoded or is not in the vocabulary; OSError.
    """
    reader = Reader(request, meter or Meter())
    file = TokenFile(stream, np.dtype(np.uint8))
    notes: tuple[str, ...] = ()
    if request.unit == "byte":
        vocabulary = Vocabulary.of_bytes()
        for block in reader.blocks():
            file.write(np.frombuffer(block, np.uint8))
    elif request.vocabulary:
        vocabulary = request.vocabulary
        _write_known(reader, vocabulary, file)
    else:
        vocabulary, notes = _learn(reader, file)
    return Written(
        file.dtype.name,
        file.sha256,
        vocabulary,
        (*reader.tally.notes(), *notes),
        file.length,
        file.distinct,
        tuple(reader.digests),
        reader.size,
    )


def _learn(reader: Reader, file: TokenFile) -> tuple[Vocabulary, tuple[str, ...]]:
    """Write the tokens of the vocabulary that the text itself makes; and what there is to say of it."""
    request, numbering = reader.request, Numbering()
    counts: Int[np.ndarray, " known"] = np.zeros(0, np.int64)
    for _, text in reader.texts():
        numbers = numbering.number(text)
        if request.min_count > 1:
            counts = np.append(counts, np.zeros(len(numbering.codes) - len(counts), np.int64))
            counts += np.bincount(numbers, minlength=len(counts))
        file.write(numbers)
    if not numbering.codes:
        raise CharloopError(f"{request.name} is empty", do="name a text with characters in it")
    kept = counts >= request.min_count if request.min_count > 1 else np.ones(len(numbering.codes), bool)
    if not kept.any():
        raise CharloopError(
            f"every character of {request.name} is rarer than --min-count",
            got=request.min_count,
            allowed=f"up to {counts.max():,}, the number of its commonest",
        )
    symbols, ranks = numbering.ranks(kept)
    vocabulary = Vocabulary(tuple(map(chr, symbols.tolist())), min_count=request.min_count)
    file.renumber(ranks, dtype_of(vocabulary.size), reader.meter)
    return vocabulary, _folding(request.min_count, counts[~kept]) if request.min_count > 1 else ()


def _folding(min_count: int, folded: Int[np.ndarray, " folded"]) -> tuple[str]:
    """What to say of characters that became the unknown sign; `folded`: how often each stood in the text."""
    if not folded.size:
        return (f"no character is rarer than {min_count}: the network never reads its unknown sign",)
    kinds, places = f"{folded.size:,} characters rarer than {min_count}", f"{folded.sum():,} places"
    return (f"read {kinds} ({places}) {AS_SIGN}",)


def _write_known(reader: Reader, vocabulary: Vocabulary, file: TokenFile) -> None:
    """Write the tokens of a vocabulary that is given."""
    numbering, dtype = Numbering(vocabulary.codes), dtype_of(vocabulary.size)
    reading, before = None, 0
    for piece, text in reader.texts():
        before = before if piece is reading else 0
        reading = piece
        numbers = numbering.look_up(text)
        if numbers.max() == numbering.missing:
            numbers = _settle(reader, vocabulary, numbers, numbers != numbering.missing, piece, before)
        before += len(text)
        if numbers.size:
            file.write(numbers.astype(dtype, copy=False))


def _settle(
    reader: Reader,
    vocabulary: Vocabulary,
    numbers: UInt[np.ndarray, " length"],
    known: Bool[np.ndarray, " length"],
    piece: Piece,
    before: int,
) -> UInt[np.ndarray, " kept"]:
    """`numbers` without those that are not `known`, or with the unknown sign in their place.

    Errors: CharloopError for the first of them, `before` the place in `piece` of the first number, where neither
    is allowed.
    """
    unknown = int(known.size - np.count_nonzero(known))
    if reader.request.unknown == "skip":
        reader.tally.skipped_characters += unknown
        return np.compress(known, numbers)
    if vocabulary.unknown_id is None:
        raise _unknown(reader.request, vocabulary, piece, before + int(np.argmin(known)))
    reader.tally.unknown_characters += unknown
    return np.where(known, numbers, numbers.dtype.type(vocabulary.unknown_id))


def _unknown(request: Request, vocabulary: Vocabulary, piece: Piece, index: int) -> CharloopError:
    """The error for the character at `index` of `piece`; its line is counted only now."""
    line, column = 1, 1
    for text in decode(piece, request.encoding, errors=request.errors):
        if index < len(text):
            before = text[:index]
            line += before.count("\n")
            column = index - before.rfind("\n") if "\n" in before else column + index
            return unknown_character(
                text[index], f"{piece.name}, line {line}, column {column}", vocabulary.symbols
            )
        index -= len(text)
        line += text.count("\n")
        column = len(text) - text.rfind("\n") if "\n" in text else column + len(text)
    return CharloopError(f"{piece.name} changed while it was read", do="try again when nothing writes to it")
