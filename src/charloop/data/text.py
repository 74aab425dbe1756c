"""A text that a program passes as a value: a string, bytes, documents one by one, or tokens. Never a file's name."""

import io
import os
import tempfile
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from charloop.data.corpus import Corpus
from charloop.data.finding import FoundText
from charloop.data.sources import Source, file_source, temporary_folder
from charloop.errors import CharloopError

NAME = "the given text"


@dataclass(frozen=True, eq=False)
class Text:
    """A given text, which can be read any number of times; `kind` is its original type."""

    content: FoundText | Corpus
    kind: str

    @classmethod
    def of(cls, given: Any) -> "Text":
        """Return a string or bytes as if read from a file, or documents concatenated, each ending in a line end.

        Where texts are divided into documents, each of those is as if read from a file of its own. Documents of an
        iterator are copied to a temporary file, one at a time. Tokens come with their vocabulary, as
        `Corpus.of_tokens` makes them. Raises CharloopError for anything else.
        """
        match given:
            case Text():
                return given
            case Corpus():
                return cls(given, "tokens")
            case str() | bytes():
                content, encoding = _encoded(given), "utf-8" if isinstance(given, str) else None
                source = Source(NAME, lambda: io.BytesIO(content), encoding)
                return cls(FoundText((source,), "a given text", "text"), type(given).__name__)
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
                source, count = _copy_documents(given)
                return cls(FoundText((source,), f"{count:,} given documents", "text"), "documents")
        raise CharloopError(
            "text", got=type(given).__name__, allowed="str, bytes, documents of either, or a Corpus"
        )


GivenText: TypeAlias = str | bytes | Iterable[str] | Iterable[bytes] | Corpus | Text
"""What `text=` accepts; paths and names go into `DataConfig.corpus`."""


def _copy_documents(documents: Iterable[Any]) -> tuple[Source, int]:
    """Return the documents in a temporary file, and their number; they are all text or all bytes."""
    kinds: set[type] = set()
    count, ends = 0, array("q")
    with tempfile.NamedTemporaryFile(dir=temporary_folder(), delete=False) as copy:
        for document in documents:
            if not isinstance(document, str | bytes):
                raise CharloopError("a document", got=type(document).__name__, allowed="str or bytes")
            kinds.add(type(document))
            if len(kinds) > 1:
                raise CharloopError("documents", got="str and bytes", allowed="all of one kind")
            content, count = _encoded(document), count + 1
            copy.write(content if content.endswith(b"\n") or not content else content + b"\n")
            if content:
                ends.append(copy.tell())
    return file_source(Path(copy.name), None if bytes in kinds else "utf-8", NAME, ends), count


def _encoded(given: str | bytes) -> bytes:
    try:
        return given.encode() if isinstance(given, str) else given
    except UnicodeEncodeError as error:
        raise CharloopError(
            f"the given text has half of a surrogate pair at character {error.start:,}", do="give it as bytes"
        ) from None
