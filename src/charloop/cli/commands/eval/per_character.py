"""The loss of each character as a line of JSON, written to a file or a pipe."""

import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from charloop.files.output import check_output, write_output

if TYPE_CHECKING:
    import numpy as np

    from charloop.data import Vocabulary

FLAG, STDOUT = "--per-character", "-"
DIGITS = 7
"""Significant digits of a loss: as many as a 32-bit number has."""


def check_costs_target(target: str, *, overwrite: bool) -> None:
    """Raise CharloopError if `target` cannot be written, or is a file that may not be overwritten."""
    if target != STDOUT:
        check_output(FLAG, target, overwrite=overwrite, allowed="a file or -")


def character_records(
    tokens: "np.ndarray", nats: "np.ndarray", vocabulary: "Vocabulary"
) -> Iterator[dict[str, Any]]:
    """Yield a record of each predicted character, in order; `offset` counts from 0, so the first is 1."""
    as_bytes = vocabulary.unit == "byte"
    symbols = [token if as_bytes else vocabulary.decode([token]) for token in range(vocabulary.size)]
    name = "byte" if as_bytes else "character"
    for offset, (token, loss) in enumerate(zip(tokens[1:], nats, strict=True), start=1):
        value = float(loss)
        costs = {"nats": rounded(value), "bits": rounded(value / math.log(2))}
        yield {"offset": offset, name: symbols[token], **costs}


def rounded(value: float) -> float:
    """Return `value` with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def write_records(target: str, lines: Iterator[dict[str, Any]], *, overwrite: bool) -> None:
    """Write the records to `target`, one ASCII line of JSON each; a file is complete or absent."""
    if target == STDOUT:
        for line in lines:
            sys.stdout.write(json.dumps(line) + "\n")
        return

    def write(file: BinaryIO) -> None:
        for line in lines:
            file.write(json.dumps(line).encode("ascii") + b"\n")

    write_output(FLAG, target, write, overwrite=overwrite)
