"""What each character cost, a line of JSON for each: to a file that is whole or not there, or to a pipe."""

import contextlib
import json
import math
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloop.errors import CharloopError

if TYPE_CHECKING:
    import numpy as np

    from charloop.data import Vocabulary

STDOUT = "-"
DIGITS = 7
"""Significant digits of a loss: more than a network of 32-bit numbers means."""


def check_target(target: str, *, overwrite: bool) -> None:
    """Raises CharloopError if `target` is a file that is not to be overwritten, or no place for one."""
    if target == STDOUT:
        return
    path = Path(target)
    if path.is_dir():
        raise CharloopError("--per-character", got=target, allowed="a file or -", do="that is a folder")
    if is_file(path) and not overwrite:
        raise CharloopError(
            f"--per-character: {path} is there already", do="choose another name, or add --overwrite"
        )
    if not path.parent.is_dir():
        raise CharloopError(f"--per-character: there is no folder {path.parent}", do="make it first")


def is_file(path: Path) -> bool:
    """Whether something lies there that could be lost: a pipe or a device cannot."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or is_pipe_behind(path, mode))


def is_pipe_behind(path: Path, mode: int) -> bool:
    """Whether a link leads to a pipe or a device, as /dev/stdout and >(command) do."""
    if not stat.S_ISLNK(mode):
        return False
    try:
        behind = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(behind) or stat.S_ISCHR(behind)


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
    """Write them to `target`. A file that has come there meanwhile is kept unless `overwrite`."""
    if target == STDOUT:
        pour(lines, sys.stdout.write)
        return
    path = Path(target)
    try:
        if path.exists() and not is_file(path):
            with path.open("w", encoding="ascii") as pipe:
                pour(lines, pipe.write)
            return
        write_file(path, lines, overwrite=overwrite)
    except BrokenPipeError:
        raise
    except FileExistsError:
        raise CharloopError(
            f"--per-character: {path} has come into being meanwhile", do="add --overwrite"
        ) from None
    except OSError as error:
        raise CharloopError(
            f"cannot write {path} ({error.strerror or error})", do="nothing was left there"
        ) from None


def write_file(path: Path, lines: Iterator[dict[str, Any]], *, overwrite: bool) -> None:
    """Write beside `path`, flush it to the disk, and give it its name."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with open(handle, "w", encoding="ascii") as file:
            pour(lines, file.write)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o666 & ~umask())
        os.replace(part, path) if overwrite else put(part, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)


def put(part: str, path: Path) -> None:
    """Give a file a name that is free; FileExistsError if it is not."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links; there a moment between the two calls is left.
        if os.path.lexists(path):
            raise FileExistsError from None
        os.replace(part, path)


def umask() -> int:
    """What permissions a new file is not given; a temporary one is its owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def pour(lines: Iterator[dict[str, Any]], write: Callable[[str], object]) -> None:
    """One object a line, in plain ASCII."""
    for line in lines:
        write(json.dumps(line) + "\n")
