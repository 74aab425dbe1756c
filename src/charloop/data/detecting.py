"""Which files are text, and in which encoding, where the user asks for it with `--encoding auto`."""

import codecs
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from charloop.data.decoding import Errors, is_binary
from charloop.data.sources import Source, name_some
from charloop.data.undecodable import guess_utf16
from charloop.errors import CharloopError
from charloop.wording import number_that

AUTO = "auto"
"""In place of an encoding: it is found for each file."""
Encodings: TypeAlias = Mapping[str, Sequence[int]]
"""The numbers of the files in each encoding, without those in UTF-8."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The encodings of byte order marks. That of UTF-32 begins with one of UTF-16, so it comes first."""
_SNIFFED_BYTES = 1 << 16

Accepts: TypeAlias = Callable[[Source], bool]
"""Decides which files of a folder, or of a zip, are read."""


def detect_encoding(source: Source) -> str | None:
    """Return the name of the encoding of `source`, or None where there is none, as for a picture.

    A byte order mark decides, then whether all of it is UTF-8; charset-normalizer guesses other encodings from the
    block that is not. Raises CharloopError if the source cannot be read.
    """
    start = next(source.blocks(4), b"")
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    foreign = _block_not_utf8(source)
    if foreign is None:
        return "utf-8"
    if b"\0" in foreign:
        return None
    from charset_normalizer import from_bytes

    # It looks at small samples, which in a text that is mostly ASCII may hold no other byte.
    best = from_bytes(b"\n".join(line for line in foreign.splitlines() if not line.isascii())).best()
    return best.encoding if best else None


def _block_not_utf8(source: Source) -> bytes | None:
    """Return the first block with a byte that is not UTF-8, if there is one."""
    decoder, last = codecs.getincrementaldecoder("utf-8")(), b""
    for block in source.blocks():
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            return block
        last = block
    return last if decoder.getstate()[0] else None


def detect_encodings(
    sources: Sequence[Source], known: Encodings | None = None
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return `sources` with the encoding of each, and notes on which are not UTF-8.

    With `known`, which `list_encodings` returned for them, none is looked for. Raises CharloopError for a source that
    is not text in any encoding.
    """
    if known is None:
        found = tuple(source if source.encoding else _with_encoding(source) for source in sources)
    else:
        other = {number: encoding for encoding, numbers in known.items() for number in numbers}
        found = tuple(
            replace(source, encoding=source.encoding or other.get(number, "utf-8"))
            for number, source in enumerate(sources)
        )
    return found, tuple(_encoding_notes(found))


def list_encodings(sources: Sequence[Source]) -> dict[str, tuple[int, ...]]:
    """Return the numbers, from 0, of the sources in each encoding but UTF-8."""
    numbers = defaultdict(list)
    for number, source in enumerate(sources):
        numbers[source.encoding or "utf-8"].append(number)
    return {encoding: tuple(found) for encoding, found in numbers.items() if encoding != "utf-8"}


def _with_encoding(source: Source) -> Source:
    encoding = detect_encoding(source)
    if encoding is None:
        raise CharloopError(
            f"the encoding of {source.name} cannot be found",
            do="give its --encoding, or model its bytes with --unit byte",
        )
    return replace(source, encoding=encoding)


def _encoding_notes(sources: Sequence[Source]) -> Iterator[str]:
    """Yield a note for each encoding but UTF-8, with the files that have it."""
    names = defaultdict(list)
    for source in sources:
        names[source.encoding].append(source.name)
    for encoding, files in names.items():
        if encoding != "utf-8":
            yield f"read as {encoding}: {name_some(files)}"


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
        may_be_text = self.encoding != AUTO and (guess_utf16(start) == "utf-16" or b"\0" not in start)
        (self.other_encoding if may_be_text else self.not_text).append(source.name)

    def notes(self, folder: str) -> tuple[str, ...]:
        """Return a sentence for each kind of skipped files."""
        hidden = "hidden file or folder" if self.hidden == 1 else "hidden files and folders"
        lines = [f"skipped {self.hidden:,} {hidden} in {folder}"] if self.hidden else []
        if self.not_text:
            lines.append(
                f"skipped {number_that(len(self.not_text), 'file', 'not text')}: {name_some(self.not_text)}"
            )
        if self.other_encoding:
            lines.append(
                f"skipped {number_that(len(self.other_encoding), 'file', f'not {self.encoding}')}: "
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
