"""Pieces to tokens in a file, a block at a time: memory does not grow with the text."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from jaxtyping import Int

from charloop.data.decoding import Tally, decode
from charloop.data.nearest import unknown_character
from charloop.data.pieces import Digest, Piece
from charloop.data.vocabulary import CODE_POINTS, Unit, Unknown, Vocabulary, code_points
from charloop.errors import CharloopError


@dataclass(frozen=True)
class Request:
    """All that decides the tokens of a text."""

    pieces: tuple[Piece, ...]
    encoding: str
    unit: Unit
    vocabulary: Vocabulary | None
    unknown: Unknown

    @property
    def name(self) -> str:
        """What messages call the whole of it."""
        return self.pieces[0].name if len(self.pieces) == 1 else f"the text of {len(self.pieces)} files"

    @property
    def key_parts(self) -> tuple[object, ...]:
        """What, beside the content, tells one tokenisation from another."""
        encodings = (
            tuple(piece.encoding or self.encoding for piece in self.pieces) if self.unit == "char" else ()
        )
        return encodings, self.unit, self.vocabulary and self.vocabulary.fingerprint, self.unknown


@dataclass(frozen=True)
class Written:
    """What is in a token file: `digests` are the sha256 of each piece as it was read for it."""

    dtype: str
    vocabulary: Vocabulary
    notes: tuple[str, ...]
    length: int
    distinct: bool
    digests: tuple[str, ...]


def dtype_of(size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest unsigned type that counts to `size` - 1."""
    return np.dtype(np.min_scalar_type(size - 1))


def write_tokens(request: Request, stream: BinaryIO) -> Written:
    """Write the tokens of `request` to `stream`.

    Errors: CharloopError naming file and position of what cannot be decoded or is not in the vocabulary.
    """
    vocabulary = request.vocabulary or scan(request)
    dtype, tally = dtype_of(vocabulary.size), Tally()
    digests = [hashlib.sha256() for _ in request.pieces]
    length, lowest, highest = 0, vocabulary.size, -1
    for ids in _tokens(request, vocabulary, tally, digests):
        stream.write(ids.astype(dtype, copy=False).data)
        length, lowest, highest = length + ids.size, min(lowest, int(ids.min())), max(highest, int(ids.max()))
    names = tuple(digest.hexdigest() for digest in digests)
    return Written(dtype.name, vocabulary, tally.notes(), length, lowest < highest, names)


def scan(request: Request) -> Vocabulary:
    """The vocabulary that the text itself makes."""
    if request.unit == "byte":
        return Vocabulary.of_bytes()
    seen = np.zeros(CODE_POINTS, bool)
    for _, text in _characters(request, Tally(), [None] * len(request.pieces)):
        seen[code_points(text)] = True
    if not seen.any():
        raise CharloopError(f"{request.name} is empty", do="name a text with characters in it")
    return Vocabulary(tuple(map(chr, np.flatnonzero(seen).tolist())))


def _tokens(
    request: Request, vocabulary: Vocabulary, tally: Tally, digests: Sequence[Digest]
) -> Iterator[Int[np.ndarray, " length"]]:
    """Blocks of tokens, none of them empty."""
    if request.unit == "byte":
        for piece, digest in zip(request.pieces, digests, strict=True):
            yield from (np.frombuffer(block, np.uint8) for block in piece.blocks(digest=digest))
        return
    reading, before = None, 0
    for piece, text in _characters(request, tally, digests):
        before = before if piece is reading else 0
        reading = piece
        ids = vocabulary.table.take(code_points(text), mode="clip")
        if ids.min() < 0:
            known = ids >= 0
            if request.unknown == "error":
                raise _unknown(request, vocabulary, piece, before + int(np.argmin(known)))
            tally.skipped_characters += int(ids.size - np.count_nonzero(known))
            ids = ids[known]
        before += len(text)
        if ids.size:
            yield ids


def _characters(
    request: Request, tally: Tally, digests: Sequence[Digest | None]
) -> Iterator[tuple[Piece, str]]:
    """Blocks of characters, none of them empty; a piece that does not end its last line has it ended."""
    vocabulary = request.vocabulary
    joint = "\n" if vocabulary is None or "\n" in vocabulary.symbols else ""
    previous, last = None, "\n"
    for piece, digest in zip(request.pieces, digests, strict=True):
        for text in filter(None, decode(piece, request.encoding, tally=tally, digest=digest)):
            if previous is not None and previous is not piece and last != "\n" and joint:
                yield previous, joint
            previous, last = piece, text[-1]
            yield piece, text


def _unknown(request: Request, vocabulary: Vocabulary, piece: Piece, index: int) -> CharloopError:
    """The error for the character at `index` of `piece`; its line is counted only now."""
    line, column = 1, 1
    for text in decode(piece, request.encoding):
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
