"""Errors for bytes that are not text in the encoding: where they stand, what the file may be, what to do."""

import codecs
import io

from charloop.data.sources import Source
from charloop.errors import CharloopError

_UNPACK = "unpack it, and name the folder that its files are in"
_PACKED = {
    (0, b"\x1f\x8b"): ("compressed (gzip)", "gzip -dc"),
    (0, b"BZh"): ("compressed (bzip2)", "bzip2 -dc"),
    (0, b"\xfd7zXZ\0"): ("compressed (xz)", "xz -dc"),
    (0, b"\x28\xb5\x2f\xfd"): ("compressed (zstd)", "zstd -dc"),
    (0, b"\x04\x22\x4d\x18"): ("compressed (lz4)", "lz4 -dc"),
    (0, b"\x5d\0\0"): ("compressed (lzma)", "xz -dc"),
    (0, b"PK\x03\x04"): ("compressed (zip)", "unzip -p"),
    (0, b"Rar!"): ("an archive (rar)", ""),
    (0, b"7z\xbc\xaf"): ("an archive (7z)", ""),
    (257, b"ustar"): ("an archive (tar)", ""),
}
"""By an offset and the bytes there: what such a file is, and the command that writes the text in it, if one does."""
_START = 262
"""Bytes of a file that tell what it is."""


def guess_utf16(start: bytes) -> str:
    """Return which UTF-16 a text with this `start` is likely to be, or "" if none: its mark or its NUL bytes tell."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(
        (start[:1] == b"\0", start[1:2] == b"\0"), ""
    )


def refuse_utf16(name: str, start: bytes) -> None:
    """Raise CharloopError if a text that is read as UTF-8 bytes is UTF-16."""
    if encoding := guess_utf16(start):
        do = f"convert it: iconv -f {encoding} -t utf-8"
        raise CharloopError(
            f"{name} is {encoding.upper()} text, and records of bytes are read as UTF-8", do=do
        )


def binary_content(source: Source, encoding: str) -> CharloopError:
    """Return the error for a file with NUL bytes."""
    start = next(source.blocks(_START), b"")
    likely = guess_utf16(start)
    if likely == "utf-16" and not codecs.lookup(encoding).name.startswith("utf-16"):
        return CharloopError(f"{source.name} is UTF-16 text", do="read it with --encoding utf-16")
    return _packed(source.name, start) or CharloopError(
        f"{source.name} is a binary file (it contains NUL bytes)",
        do=f"model its bytes with --unit byte, or if it is text, give its --encoding ({likely or 'utf-16'}?), or "
        "replace stray ones with --errors replace",
    )


def undecodable(source: Source, encoding: str, offset: int) -> CharloopError:
    """Return the error for the byte at `offset` (from 0) of `source`."""
    start = next(source.blocks(_START), b"")
    if packed := _packed(source.name, start):
        return packed
    bad = _byte_at(source, offset)
    found = f"byte 0x{bad.hex()}" if bad else "the end of the file, in the middle of a character,"
    likely = guess_utf16(start)
    reason = "with a UTF-16 mark" if likely == "utf-16" else "as such text does"
    hint = f"--encoding {likely} (it starts {reason})" if likely else "--encoding latin-1 or auto"
    line = _line_at(source, encoding, offset)
    return CharloopError(
        f"{source.name}, line {line}, byte offset {offset}: {found} is not {encoding}",
        do=f"give its encoding, such as {hint}, or continue with --errors replace; to train on bytes: --unit byte",
    )


def _byte_at(source: Source, offset: int) -> bytes:
    for block in source.blocks():
        if offset < len(block):
            return block[offset : offset + 1]
        offset -= len(block)
    return b""


def _line_at(source: Source, encoding: str, offset: int) -> int:
    """Return the line (from 1) of the byte at `offset`, by reading again, so that valid files do not pay for it."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    line = 1
    for block in source.blocks():
        try:
            line += decoder.decode(block[:offset]).count("\n")
        except UnicodeError:  # some of Python's encodings do not support "replace"
            line += block[:offset].count(b"\n")
        offset -= min(offset, len(block))
        if offset == 0:
            break
    return line


def _packed(name: str, start: bytes) -> CharloopError | None:
    """Return the error for a compressed file or an archive whose name does not say so."""
    for (offset, mark), (what, command) in _PACKED.items():
        if start.startswith(mark, offset):
            do = f"decompress it first: {command} FILE | charloop train -" if command else _UNPACK
            return CharloopError(f"{name} is {what}", do=do)
    return None
