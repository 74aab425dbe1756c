"""What each character cost, a line of JSON for each: to a file that is whole or not there, or to a pipe."""

import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from charloop.files.named import check_target, write_new

if TYPE_CHECKING:
    import numpy as np

    from charloop.data import Vocabulary

FLAG, STDOUT = "--per-character", "-"
DIGITS = 7
"""Significant digits of a loss: more than a network of 32-bit numbers means."""


def check_costs(target: str, *, overwrite: bool) -> None:
    """Raises CharloopError if `target` is a file that is not to be overwritten, or no place for one."""
    if target != STDOUT:
        check_target(FLAG, target, overwrite=overwrite, allowed="a file or -")


def records(tokens: "np.ndarray", nats: "np.ndarray", vocabulary: "Vocabulary") -> Iterator[dict[str, Any]]:
    """One a character that was predicted, in the order of the text; `offset` counts from 0, the first is not."""
    as_bytes = vocabulary.unit == "byte"
    symbols = [token if as_bytes else vocabulary.decode([token]) for token in range(vocabulary.size)]
    name = "byte" if as_bytes else "character"
    for offset, (token, loss) in enumerate(zip(tokens[1:], nats, strict=True), start=1):
        value = float(loss)
        costs = {"nats": rounded(value), "bits": rounded(value / math.log(2))}
        yield {"offset": offset, name: symbols[token], **costs}


def rounded(value: float) -> float:
    """`value` with as many digits as mean something."""
    return float(f"{value:.{DIGITS}g}")


def write_records(target: str, lines: Iterator[dict[str, Any]], *, overwrite: bool) -> None:
    """Write them to `target`, one object a line, in plain ASCII; a file is whole or not there."""
    if target == STDOUT:
        for line in lines:
            sys.stdout.write(json.dumps(line) + "\n")
        return

    def pour(file: BinaryIO) -> None:
        for line in lines:
            file.write(json.dumps(line).encode("ascii") + b"\n")

    write_new(FLAG, target, pour, overwrite=overwrite)
