"""Compresses a file with a network."""

import hashlib
from typing import Any, BinaryIO, NamedTuple

from charloop.compression.coder import Encoder
from charloop.compression.container import BLOCK, Block, make_end, write_block, write_header
from charloop.compression.machine import describe_machine
from charloop.compression.predicting import Method, Predictor
from charloop.compression.rows import count_active, cut_rows
from charloop.compression.text import Pieces, divide
from charloop.progress import Meter, ProgressListener


class Compressed(NamedTuple):
    """Sizes in bytes; `unknown`: of what the network does not know, which is coded without it."""

    original: int
    size: int
    unknown: int


def compress(
    method: Method,
    source: BinaryIO,
    target: BinaryIO,
    *,
    notes: dict[str, Any] | None = None,
    size: int = 0,
    listener: ProgressListener | None = None,
) -> Compressed:
    """Write `source` to `target` so that `decompress` gives it back, byte for byte; memory use does not grow with it.

    `notes` are kept for it. `size`: that of `source`, for the progress that `listener` receives.
    """
    meter, digest, total, unknown = Meter(listener), hashlib.sha256(), 0, 0
    meter.begin("compressing", size)
    block = read_block(source)
    rows = method.choose_rows(len(divide(block, method.vocabulary).tokens))
    header = {"rows": rows, "probe": method.probe(rows), "machine": describe_machine(), "facts": method.facts}
    written = write_header(target, header | {"notes": notes or {}})
    predictor = method.make(rows)
    while block:
        digest.update(block)
        parts = divide(block, method.vocabulary)
        coded = encode(predictor, rows, parts, meter, len(block))
        written += write_block(target, Block(len(block), len(parts.tokens), parts.rest, coded, parts.crlf))
        total, unknown = total + len(block), unknown + len(parts.rest)
        block = read_block(source)
    written += write_block(target, make_end(total, digest.digest()))
    return Compressed(total, written, unknown)


def read_block(source: BinaryIO) -> bytes:
    """Return the next block, which does not end between CR and LF."""
    block = source.read(BLOCK)
    # A pipe gives what it has.
    while 0 < len(block) < BLOCK and (more := source.read(BLOCK - len(block))):
        block += more
    return block + source.read(1) if len(block) == BLOCK and block.endswith(b"\r") else block


def encode(predictor: Predictor, rows: int, parts: Pieces, meter: Meter, size: int) -> bytes:
    """Return the code of the tokens of a block of `size` bytes."""
    if not len(parts.tokens):
        meter.add(size)
        return b""
    encoder, done = Encoder(), 0
    columns = cut_rows(parts.tokens, rows)
    probabilities = predictor.begin()
    for index, column in enumerate(columns):
        active = count_active(len(parts.tokens), rows, index)
        encoder.encode(column[:active], probabilities[:active])
        if index + 1 < len(columns):
            probabilities = predictor.read(column)
        now = size * (index + 1) // len(columns)
        meter.add(now - done)
        done = now
    return encoder.finish()
