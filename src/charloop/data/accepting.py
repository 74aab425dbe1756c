"""Which files of a folder or an archive are text, and what is said of the others."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from charloop.data.decoding import Errors, is_binary
from charloop.data.detecting import AUTO, detect_encoding
from charloop.data.sources import Source, name_some
from charloop.errors import CharloopError

_SNIFFED_BYTES = 1 << 16

Accepts: TypeAlias = Callable[[Source], bool]
"""Decides which files of a folder, or of a zip, are read."""


@dataclass
class SkippedFiles:
    """The files of a folder that are left out."""

    hidden: int = 0
    not_text: list[str] = field(default_factory=list)
    encoding: str = "utf-8"
    other_encoding: list[str] = field(default_factory=list)
    """Files that may be text, but not in `encoding`."""

    @classmethod
    def of(cls, accepts: Accepts) -> "SkippedFiles":
        """Return what `accepts` has left out so far: nothing."""
        return cls(encoding=accepts.keywords["encoding"] if isinstance(accepts, partial) else "utf-8")

    def add(self, source: Source) -> None:
        """Add a file that is not hidden, and not text in the encoding."""
        try:
            start = next(source.blocks(_SNIFFED_BYTES), b"")
        except CharloopError:
            self.not_text.append(source.name)
            return
        marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        may_be_text = self.encoding != AUTO and (marked or b"\0" not in start)
        (self.other_encoding if may_be_text else self.not_text).append(source.name)

    def notes(self, folder: str) -> tuple[str, ...]:
        """Return a sentence for each kind of skipped files."""
        lines = [f"skipped {self.hidden:,} hidden files and folders in {folder}"] if self.hidden else []
        if self.not_text:
            lines.append(
                f"skipped {len(self.not_text):,} files that are not text: {name_some(self.not_text)}"
            )
        if self.other_encoding:
            lines.append(
                f"skipped {len(self.other_encoding):,} files that are not {self.encoding}: "
                f"{name_some(self.other_encoding)}; --encoding auto finds the encoding of each file"
            )
        return tuple(lines)


def accept_all(source: Source) -> bool:  # noqa: ARG001
    """Accept every file: all of them are bytes."""
    return True


def is_text(source: Source, encoding: str, errors: Errors) -> bool:
    """Return whether the file's first 64 KiB decode with `encoding` and `errors`, and are not binary content."""
    try:
        if encoding == AUTO:
            return detect_encoding(source) is not None
        start = next(source.blocks(_SNIFFED_BYTES), b"")
        return not is_binary(codecs.getincrementaldecoder(encoding)(errors).decode(start), errors)
    except (UnicodeError, CharloopError):
        return False


def choose_sources(sources: Iterable[Source], accepts: Accepts, skipped: SkippedFiles) -> Iterator[Source]:
    """Yield the accepted sources; the others are `skipped`."""
    for source in sources:
        if accepts(source):
            yield source
        else:
            skipped.add(source)
