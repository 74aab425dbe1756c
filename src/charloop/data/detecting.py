"""The encoding of each file, where the user asks for it with `--encoding auto`."""

import codecs
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from charloop.data.sources import Source, name_some
from charloop.errors import CharloopError

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
