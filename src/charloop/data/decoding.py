"""Bytes to characters, block by block: strict about the encoding, lenient about byte order marks and line ends."""

import codecs
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeAlias

from charloop.data.sources import BLOCK_BYTES, Digest, Source
from charloop.data.undecodable import binary_content, undecodable
from charloop.errors import CharloopError
from charloop.wording import number_of

Errors: TypeAlias = Literal["strict", "replace"]
"""How to treat bytes that are not valid in the encoding: refuse the text, or replace them by U+FFFD and count."""

AS_UNKNOWN = "as the unknown symbol: a loss counts that one comes, not which it is"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
COUNTING = "charloop-replace"
"""The name by which Python's decoders find `_replace`."""
STRAY_BYTES = range(0xDC80, 0xDD00)
"""The code points by which Python's surrogateescape represents the bytes 0x80 to 0xff where they are not UTF-8."""
MAX_NUL_SHARE = 0.01
"""Above this share of NUL characters (if there are several) a text is binary content, not a text with stray ones."""
_replaced = threading.local()


@dataclass
class TextChanges:
    """Counts of what was changed on the way from bytes to characters."""

    crlf: int = 0
    bare_cr: int = 0
    byte_order_marks: int = 0
    empty_lines: int = 0
    other_forms: int = 0
    empty_records: int = 0
    skipped_labels: int = 0
    skipped_characters: int = 0
    unknown_characters: int = 0
    replaced: int = 0
    first_replaced: str = ""
    """The position of the first replacement."""

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of change that occurred."""
        skipped = f"that {'is' if self.skipped_characters == 1 else 'are'} not in the vocabulary"
        changes = [
            ("normalised", self.crlf, "CRLF line end", " to LF"),
            ("normalised", self.bare_cr, "bare CR line end", " to LF"),
            ("dropped", self.byte_order_marks, "byte order mark", ""),
            ("left out", self.empty_lines, "empty line", ""),
            (
                "read",
                self.other_forms,
                "character",
                " in another Unicode form (NFC or NFD), which the network knows",
            ),
            ("left out", self.empty_records, "record", " without text"),
            ("left out", self.skipped_labels, "label", " that the network does not know"),
            ("skipped", self.skipped_characters, "character", f" {skipped}"),
            ("read", self.unknown_characters, "character", f" {AS_UNKNOWN}"),
            ("replaced", self.replaced, "invalid byte sequence", f", the first in {self.first_replaced}"),
        ]
        return tuple(
            f"{done} {number_of(count, thing)}{rest}" for done, count, thing, rest in changes if count
        )

    def count_line_ends(self, text: str, after_cr: bool) -> None:
        """Count the line ends of `text` that are not LF; `after_cr`: the text before it ended in CR."""
        if "\r" not in text and not after_cr:
            return
        straddling = int(after_cr and text.startswith("\n"))
        crlf = text.count("\r\n") + straddling
        self.crlf += crlf
        self.bare_cr += text.count("\r") - crlf


def check_encoding(encoding: str) -> None:
    """Raise CharloopError unless Python can decode `encoding` incrementally."""
    try:
        codecs.getincrementaldecoder(encoding)
        " ".encode(encoding).decode(encoding)
    except (LookupError, ValueError) as error:
        raise CharloopError(
            "unknown encoding", got=encoding, allowed="utf-8, latin-1, utf-16, cp1252 or another of Python's"
        ) from error


def decode(
    source: Source,
    encoding: str = "utf-8",
    *,
    errors: Errors = "strict",
    changes: TextChanges | None = None,
    digest: Digest | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[str]:
    r"""Yield the characters of `source` in blocks, with `\r\n` and bare `\r` as `\n`, without a leading BOM.

    Raises CharloopError with file, line and byte offset for bytes that are not valid in `encoding` (with
    errors="replace" they and stray NUL characters become U+FFFD and are counted), and for binary content.
    """
    encoding = source.encoding or encoding
    changes = changes or TextChanges()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    first, after_cr = True, False
    for text in _decoded(source, encoding, errors, changes, digest, block_bytes):
        if "\0" in text:
            raise binary_content(source, encoding)
        if first and text.startswith("\ufeff"):
            changes.byte_order_marks += 1
            text = text[1:]
        changes.count_line_ends(text, after_cr)
        first, after_cr = False, text.endswith("\r") or (after_cr and not text)
        yield newlines.decode(text)
    yield newlines.decode("", final=True)


def _decoded(
    source: Source,
    encoding: str,
    errors: Errors,
    changes: TextChanges,
    digest: Digest | None,
    block_bytes: int,
) -> Iterator[str]:
    """Yield decoded blocks, none of them empty."""
    decoder = codecs.getincrementaldecoder(encoding)("strict" if errors == "strict" else COUNTING)
    offset = 0
    # The empty block tells the decoder that the text is over.
    for block in chain(source.blocks(block_bytes, digest), [b""]):
        held = len(decoder.getstate()[0])
        _replaced.offsets = []
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise undecodable(source, encoding, offset - held + error.start) from error
        except UnicodeError as error:
            raise undecodable(source, encoding, offset) from error
        first = [offset - held + start for start in _replaced.offsets[:1]]
        if errors == "replace" and "\0" in text and not is_binary(text, errors):
            first.append(offset - held + _first_nul(text, encoding))
            changes.replaced += text.count("\0")
            text = text.replace("\0", REPLACEMENT)
        if first:
            changes.first_replaced = changes.first_replaced or f"{source.name} at byte {min(first):,}"
            changes.replaced += len(_replaced.offsets)
        offset += len(block)
        if text:
            yield text


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Replace as Python's own "replace" does, and note the offset in a list of this thread's."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    _replaced.offsets.append(error.start)
    return REPLACEMENT, error.end


codecs.register_error(COUNTING, _replace)


def is_binary(text: str, errors: Errors) -> bool:
    """Return whether `text` has NUL characters: any, or with errors="replace" more than stray ones."""
    count = text.count("\0")
    return count > (0 if errors == "strict" else max(1, len(text) * MAX_NUL_SHARE))


def _first_nul(text: str, encoding: str) -> int:
    """Return the offset in bytes of the first NUL character of a decoded `text`."""
    before = text[: text.index("\0")]
    # A replaced sequence counts as one byte; it stands before the NUL, and is then the first itself.
    return len(before.replace(REPLACEMENT, " ").encode(encoding))


def decode_utf8(raw: bytes) -> str:
    """Return a code point for each UTF-8 character, and one of `STRAY_BYTES` for each byte that belongs to none."""
    return raw.decode("utf-8", "surrogateescape")


def escape_stray_bytes(text: str) -> str:
    """Return `text` with an escape such as `\\xff` for each of `STRAY_BYTES`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def utf8_width(character: str) -> int:
    """Return the number of bytes that a character of `decode_utf8` stands for."""
    return 1 if ord(character) in STRAY_BYTES else len(character.encode())


def stray_byte(character: str) -> int:
    """Return the byte that one of `STRAY_BYTES` stands for."""
    return ord(character) - STRAY_BYTES.start + 0x80


def stray_character(byte: int) -> str:
    """Return the one of `STRAY_BYTES` that stands for a byte from 0x80 on."""
    return chr(byte - 0x80 + STRAY_BYTES.start)
