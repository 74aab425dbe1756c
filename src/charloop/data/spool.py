"""Streams that can be read only once, copied where they can be read again; gone when the process ends."""

import atexit
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import BinaryIO

from charloop.data.pieces import Piece


@cache
def temporary_folder() -> Path:
    """This process's own temporary folder, removed at its end."""
    folder = tempfile.mkdtemp(prefix="charloop-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def spool_stream(name: str, stream: BinaryIO) -> Piece:
    """What `stream` has left, as a piece; the stream is read to its end and closed. Errors: OSError."""
    with stream, tempfile.NamedTemporaryFile(dir=temporary_folder(), delete=False) as copy:
        shutil.copyfileobj(stream, copy)
    return Piece(name, lambda: open(copy.name, "rb"))


def spool_stdin() -> Piece:
    """Standard input, as a piece. Errors: OSError."""
    with tempfile.NamedTemporaryFile(dir=temporary_folder(), delete=False) as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
    return Piece("standard input", lambda: open(copy.name, "rb"))
