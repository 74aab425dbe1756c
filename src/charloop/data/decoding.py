"""Bytes to characters, block by block: strict about the encoding, forgiving about byte order marks and line ends."""

import codecs
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from charloop.data.pieces import BLOCK_BYTES, Digest, Piece
from charloop.errors import CharloopError

Errors: TypeAlias = Literal["strict", "replace"]
"""What is done about bytes that are no characters: refuse the text, or put U+FFFD in their place and count."""

AS_SIGN = "as the unknown sign: a loss counts that one comes, not which it is"
COUNTING = "charloop-replace"
"""The name under which Python's decoders know `_replace`."""
_seen = threading.local()


@dataclass
class Tally:
    """What was changed on the way from bytes to characters."""

    crlf: int = 0
    bare_cr: int = 0
    byte_order_marks: int = 0
    skipped_characters: int = 0
    unknown_characters: int = 0
    replaced: int = 0
    first_replaced: str = ""
    """Where the first of the replaced places is."""

    def notes(self) -> tuple[str, ...]:
        """One sentence for each kind of change that happened."""
        pairs = [
            (self.crlf, "normalised {} CRLF line ends to LF"),
            (self.bare_cr, "normalised {} bare CR line ends to LF"),
            (self.byte_order_marks, "dropped {} byte order marks"),
            (self.skipped_characters, "skipped {} characters that are not in the vocabulary"),
            (
                self.unknown_characters,
                f"read {{}} characters {AS_SIGN}",
            ),
            (
                self.replaced,
                f"replaced {{}} places that are not characters, the first in {self.first_replaced}",
            ),
        ]
        return tuple(sentence.format(f"{count:,}") for count, sentence in pairs if count)

    def count_line_ends(self, text: str, after_cr: bool) -> None:
        """Count the line ends of `text` that are not LF; `after_cr`: the text before it ended in CR."""
        if "\r" not in text and not after_cr:
            return
        straddling = int(after_cr and text.startswith("\n"))
        crlf = text.count("\r\n") + straddling
        self.crlf += crlf
        self.bare_cr += text.count("\r") - crlf


def check_encoding(encoding: str) -> None:
    """Raise CharloopError unless Python can decode `encoding` piece by piece."""
    try:
        codecs.getincrementaldecoder(encoding)
        " ".encode(encoding).decode(encoding)
    except (LookupError, ValueError) as error:
        raise CharloopError(
            "unknown encoding", got=encoding, allowed="utf-8, latin-1, utf-16, cp1252 or another of Python's"
        ) from error


def decode(
    piece: Piece,
    encoding: str = "utf-8",
    *,
    errors: Errors = "strict",
    tally: Tally | None = None,
    digest: Digest | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[str]:
    r"""The characters of `piece` in order, some at a time, with `\r\n` and bare `\r` as `\n` and no leading BOM.

    Errors: CharloopError naming file, line and byte offset where the bytes are not `encoding` (with
    errors="replace" each such place becomes U+FFFD, and is counted), or are binary.
    """
    encoding = piece.encoding or encoding
    tally = tally or Tally()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    first, after_cr = True, False
    for text in _decoded(piece, encoding, errors, tally, digest, block_bytes):
        if "\0" in text:
            raise _binary(piece)
        if first and text.startswith("\ufeff"):
            tally.byte_order_marks += 1
            text = text[1:]
        tally.count_line_ends(text, after_cr)
        first, after_cr = False, text.endswith("\r") or (after_cr and not text)
        yield newlines.decode(text)
    yield newlines.decode("", final=True)


def _decoded(
    piece: Piece, encoding: str, errors: Errors, tally: Tally, digest: Digest | None, block_bytes: int
) -> Iterator[str]:
    """Decoded blocks, none of them empty; the position of what cannot be decoded is worked out on the way."""
    decoder = codecs.getincrementaldecoder(encoding)("strict" if errors == "strict" else COUNTING)
    offset = 0
    for block in _with_end(piece.blocks(block_bytes, digest)):
        held = len(decoder.getstate()[0])
        _seen.places = []
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _undecodable(piece, encoding, offset - held + error.start) from error
        except UnicodeError as error:
            raise _undecodable(piece, encoding, offset) from error
        if _seen.places:
            tally.first_replaced = (
                tally.first_replaced or f"{piece.name} at byte {offset - held + _seen.places[0]:,}"
            )
            tally.replaced += len(_seen.places)
        offset += len(block)
        if text:
            yield text


def _replace(error: UnicodeError) -> tuple[str, int]:
    """As Python's own "replace", noting the place in a list of this thread's."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    _seen.places.append(error.start)
    return "\N{REPLACEMENT CHARACTER}", error.end


codecs.register_error(COUNTING, _replace)


def _with_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks, and an empty one that tells the decoder that no more will come."""
    yield from blocks
    yield b""


def _binary(piece: Piece) -> CharloopError:
    start = next(piece.blocks(4), b"")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return CharloopError(f"{piece.name} is UTF-16 text", do="read it with --encoding utf-16")
    return CharloopError(
        f"{piece.name} is a binary file (it holds NUL bytes)",
        do="model its bytes with --unit byte, or give its --encoding (utf-16?) if it is text",
    )


def _undecodable(piece: Piece, encoding: str, offset: int) -> CharloopError:
    """The error for the byte at `offset` (from 0) of `piece`."""
    bad = _byte_at(piece, offset)
    found = f"byte 0x{bad.hex()}" if bad else "the end of the file, in the middle of a character,"
    marked = next(piece.blocks(4), b"").startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    hint = "--encoding utf-16 (it starts with a UTF-16 mark)" if marked else "--encoding latin-1"
    return CharloopError(
        f"{piece.name}, line {_line_at(piece, encoding, offset)}, byte offset {offset}: {found} is not {encoding}",
        do=f"give its encoding, such as {hint}, go on with --errors replace, or model raw bytes with --unit byte",
    )


def _byte_at(piece: Piece, offset: int) -> bytes:
    for block in piece.blocks():
        if offset < len(block):
            return block[offset : offset + 1]
        offset -= len(block)
    return b""


def _line_at(piece: Piece, encoding: str, offset: int) -> int:
    """The line (from 1) of the byte at `offset`; read again only now, so that good files do not pay for it."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    line = 1
    for block in piece.blocks():
        try:
            line += decoder.decode(block[:offset]).count("\n")
        except UnicodeError:  # some of Python's encodings know no "replace"
            line += block[:offset].count(b"\n")
        offset -= min(offset, len(block))
        if offset == 0:
            break
    return line
