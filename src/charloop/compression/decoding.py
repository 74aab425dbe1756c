"""Decompresses what was compressed, if the same is predicted here as there."""

import hashlib
from typing import Any, BinaryIO

import numpy as np

from charloop.compression.coder import Decoder
from charloop.compression.container import Block, Reader
from charloop.compression.machine import check_facts, check_machine
from charloop.compression.predicting import Method, Predictor
from charloop.compression.rows import count_active
from charloop.compression.text import Pieces, unite
from charloop.errors import CharloopError
from charloop.progress import Meter, ProgressListener


def decompress(
    method: Method,
    reader: Reader,
    header: dict[str, Any],
    target: BinaryIO,
    *,
    name: str = "the file",
    listener: ProgressListener | None = None,
) -> int:
    """Write the original of what `reader` reads, after its `header`, to `target`; return its size.

    Before anything is written, what the predictions depend on, the machine, and the predictions of a fixed text are
    compared with those of the compression. Raises CharloopError if they differ, or if the file is damaged.
    """
    check_method(method, header, name)
    meter, digest, total, rows = Meter(listener), hashlib.sha256(), 0, header["rows"]
    predictor = method.make(rows)
    meter.begin("decompressing", 0)
    while (block := reader.block()).size:
        tokens = decode(predictor, rows, block, meter)
        content = unite(Pieces(tokens, block.rest, block.crlf), method.vocabulary)
        digest.update(content)
        total += len(content)
        target.write(content)
    if reader.end(block) != (total, digest.digest()):
        raise CharloopError(
            f"{name} did not give its original back: its sha256 differs",
            do="nothing was written; report this",
        )
    return total


def check_method(method: Method, header: dict[str, Any], name: str) -> None:
    """Raise CharloopError if the predictions may differ from those that a file was compressed with."""
    check_facts(name, header["facts"], method.facts)
    check_machine(name, header["machine"])
    if method.probe(header["rows"]) != header["probe"]:
        raise CharloopError(
            f"{name}: the network predicts otherwise than when the file was compressed",
            do="decompress it where it was compressed",
        )


def decode(predictor: Predictor, rows: int, block: Block, meter: Meter) -> np.ndarray:
    """Return the tokens of a block."""
    if not block.tokens:
        meter.add(block.size)
        return np.zeros(0, np.int64)
    decoder, probabilities, done = Decoder(block.coded), predictor.begin(), 0
    length = -(-block.tokens // rows)
    columns = np.zeros((length, rows), np.int64)
    for index in range(length):
        active = count_active(block.tokens, rows, index)
        columns[index, :active] = decoder.decode(probabilities[:active])
        if index + 1 < length:
            probabilities = predictor.read(columns[index])
        now = block.size * (index + 1) // length
        meter.add(now - done)
        done = now
    return columns.T.reshape(-1)[: block.tokens]
