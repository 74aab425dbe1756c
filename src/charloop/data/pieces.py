"""A piece of a corpus: one named stream of bytes that can be read again and again, block by block."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from charloop.errors import CharloopError

BLOCK_BYTES = 1 << 18
"""Bytes read at a time: large enough for NumPy to be fast, small enough that memory stays flat."""


@runtime_checkable
class Digest(Protocol):
    """What hashlib's objects have in common."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Piece:
    """One file, or a text that stands for one.

    `name` is what messages call it. `open` gives a new stream at its first byte, and may raise OSError.
    `encoding` is set where it is known and not the user's to choose (a named corpus).
    """

    name: str
    open: Callable[[], BinaryIO]
    encoding: str | None = None

    def size(self) -> int:
        """Its bytes, without reading them. Errors: CharloopError when the operating system refuses to open it."""
        try:
            with self.open() as stream:
                return stream.seek(0, io.SEEK_END)
        except OSError as error:
            raise CharloopError(f"cannot read {self.name}", do=error.strerror or str(error)) from error

    def blocks(self, size: int = BLOCK_BYTES, digest: Digest | None = None) -> Iterator[bytes]:
        """Its bytes in order, `size` at most at a time; `digest`, if given, is fed each block.

        Errors: CharloopError when the operating system refuses to read it.
        """
        try:
            with self.open() as stream:
                while block := stream.read(size):
                    if digest is not None:
                        digest.update(block)
                    yield block
        except OSError as error:
            raise CharloopError(f"cannot read {self.name}", do=error.strerror or str(error)) from error


def file_piece(path: Path, encoding: str | None = None) -> Piece:
    """The piece that a file is."""
    return Piece(str(path), lambda: path.open("rb"), encoding)


def text_piece(name: str, text: Callable[[], str]) -> Piece:
    """The piece that a text made on demand is."""
    return Piece(name, lambda: io.BytesIO(text().encode()), "utf-8")
