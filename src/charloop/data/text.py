"""A text that a program has in its hands: a string, bytes, documents one by one, or tokens. Never the name of one."""

import io
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from charloop.data.corpus import Corpus
from charloop.data.pieces import Piece
from charloop.data.sources import Found
from charloop.data.spool import temporary_folder
from charloop.errors import CharloopError

NAME = "the given text"


@dataclass(frozen=True, eq=False)
class Text:
    """A text as it was given, to be read as often as needed; `kind` is what it was."""

    source: Found | Corpus
    kind: str

    @classmethod
    def of(cls, given: Any) -> "Text":
        """A string or bytes: what a file would hold. Documents: one after the other, each ends its last line.

        Documents of an iterator are copied to a temporary file, one at a time. Tokens come with their vocabulary, as
        `Corpus.of_tokens` makes them. Raises CharloopError for anything else.
        """
        match given:
            case Text():
                return given
            case Corpus():
                return cls(given, "tokens")
            case str() | bytes():
                return cls(_found(_piece_of(given), "a given text"), type(given).__name__)
            case os.PathLike():
                raise CharloopError(
                    "text", got=given, allowed="a text itself", do="name a path as the corpus"
                )
            case np.ndarray():
                raise CharloopError(
                    "text",
                    got="an array",
                    do="give Corpus.of_tokens(array, vocabulary), or bytes: array.tobytes()",
                )
            case Iterable():
                piece, count = _spooled(given)
                return cls(_found(piece, f"{count:,} given documents"), "documents")
        raise CharloopError(
            "text", got=type(given).__name__, allowed="str, bytes, documents of either, or a Corpus"
        )


GivenText: TypeAlias = str | bytes | Iterable[str] | Iterable[bytes] | Corpus | Text
"""What `text=` takes; paths and names go into `DataConfig.corpus`."""


def _found(piece: Piece, description: str) -> Found:
    return Found((piece,), description, "text")


def _piece_of(given: str | bytes) -> Piece:
    content = _encoded(given)
    return Piece(NAME, lambda: io.BytesIO(content), "utf-8" if isinstance(given, str) else None)


def _spooled(documents: Iterable[Any]) -> tuple[Piece, int]:
    """All of them in a temporary file, and how many; text or bytes, not both."""
    kinds: set[type] = set()
    count = 0
    with tempfile.NamedTemporaryFile(dir=temporary_folder(), delete=False) as copy:
        for document in documents:
            if not isinstance(document, str | bytes):
                raise CharloopError("a document", got=type(document).__name__, allowed="str or bytes")
            kinds.add(type(document))
            if len(kinds) > 1:
                raise CharloopError("documents", got="str and bytes", allowed="all of one kind")
            content, count = _encoded(document), count + 1
            copy.write(content if content.endswith(b"\n") or not content else content + b"\n")
    return Piece(NAME, lambda: _open(copy.name), None if bytes in kinds else "utf-8"), count


def _open(name: str) -> BinaryIO:
    return open(name, "rb")


def _encoded(given: str | bytes) -> bytes:
    try:
        return given.encode() if isinstance(given, str) else given
    except UnicodeEncodeError as error:
        raise CharloopError(
            f"the given text has half of a surrogate pair at character {error.start:,}", do="give it as bytes"
        ) from None
