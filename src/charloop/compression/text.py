"""Any bytes as tokens that a network knows, and a rest that it does not know, from which they come back exactly."""

import lzma
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from charloop.data import Vocabulary
from charloop.errors import CharloopError

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
MAX_REST = 1 << 26
"""Bytes of a rest before it is compressed."""


class Pieces(NamedTuple):
    """A block of a file."""

    tokens: Integer[np.ndarray, " length"]
    """What the network predicts."""
    rest: bytes
    """What it does not know, and where that stands, compressed; empty if it knows all."""
    crlf: bool = False
    """Whether each line end is CRLF, and LF among the tokens."""


def divide(block: bytes, vocabulary: Vocabulary) -> Pieces:
    """Return the parts of `block`. Characters that the vocabulary lacks and bytes that are not UTF-8 are its rest."""
    if vocabulary.unit == "byte":
        return Pieces(np.frombuffer(block, np.uint8), b"")
    text = block.decode("utf-8", "surrogateescape")
    ends = text.count("\r\n")
    crlf = ends > 0 and ends == text.count("\n") and "\r" not in vocabulary.symbols
    text = text.replace("\r\n", "\n") if crlf else text
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    index = np.searchsorted(vocabulary.codes, codes).clip(max=len(vocabulary.codes) - 1)
    known = vocabulary.codes[index] == codes
    return Pieces(index[known], b"" if known.all() else pack_rest(text, known), crlf)


def pack_rest(text: str, known: np.ndarray) -> bytes:
    """Return the runs of characters that are not `known`: how many known ones before each, its length, its bytes."""
    borders = np.flatnonzero(np.diff(known, prepend=True, append=True))
    begins, ends = borders[::2].tolist(), borders[1::2].tolist()
    numbers, runs, before = bytearray(), [], 0
    for begin, end in zip(begins, ends, strict=True):
        run = text[begin:end].encode("utf-8", "surrogateescape")
        runs.append(run)
        write_number(numbers, begin - before)
        write_number(numbers, len(run))
        before = end
    whole = len(numbers).to_bytes(4, "little") + numbers + b"".join(runs)
    return lzma.compress(whole, lzma.FORMAT_RAW, filters=_FILTERS)


def unite(parts: Pieces, vocabulary: Vocabulary) -> bytes:
    """Return the block of these parts. Raises CharloopError if they are not those of a block."""
    if vocabulary.unit == "byte":
        return parts.tokens.astype(np.uint8).tobytes()
    text = vocabulary.codes[parts.tokens].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    pieces, at = [], 0
    for gap, run in unpack_rest(parts.rest) if parts.rest else ():
        pieces += [text[at : at + gap].encode("utf-8", "surrogateescape"), run]
        at += gap
    pieces.append(text[at:].encode("utf-8", "surrogateescape"))
    block = b"".join(pieces)
    return block.replace(b"\n", b"\r\n") if parts.crlf else block


def unpack_rest(rest: bytes) -> list[tuple[int, bytes]]:
    """Return each run with the number of known characters before it. Raises CharloopError for other bytes."""
    try:
        whole = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS).decompress(rest, MAX_REST)
    except lzma.LZMAError:
        raise CharloopError("damaged") from None
    size = 4 + int.from_bytes(whole[:4], "little")
    numbers, at, found = read_numbers(whole[4:size]), size, []
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        found.append((gap, whole[at : at + length]))
        at += length
    return found


def write_number(out: bytearray, number: int) -> None:
    """Append a number, seven bits in each byte, the lowest first; the last byte is below 128."""
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def read_numbers(content: bytes) -> list[int]:
    """Return all numbers that `write_number` wrote."""
    found, number, shift = [], 0, 0
    for byte in content:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(number)
            number, shift = 0, 0
    return found
