"""Sources: named streams of bytes that can be read again and again, block by block."""

import atexit
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from charloop.errors import CharloopError

BLOCK_BYTES = 1 << 18
"""Bytes read at a time: large enough for NumPy to be fast, small enough that memory use stays flat."""


@runtime_checkable
class Digest(Protocol):
    """The interface that hashlib's objects share."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Source:
    """One file, or a text that stands for one.

    `name` identifies it in messages. `open` returns a new stream at its first byte, and may raise OSError.
    `encoding` is set where it is known and the user cannot choose it, as for a named corpus. `ends`: if it holds
    several texts one after the other, the byte at which each ends. `packed_size` returns the bytes of a compressed
    file, of which only reading tells how many come out; it may raise OSError.
    """

    name: str
    open: Callable[[], BinaryIO]
    encoding: str | None = None
    ends: Sequence[int] | None = None
    packed_size: Callable[[], int] | None = None

    def size(self) -> int:
        """Return its size in bytes, that of a compressed one packed, without reading it.

        Raises CharloopError if it cannot be opened.
        """
        try:
            if self.packed_size:
                return self.packed_size()
            with self.open() as stream:
                return stream.seek(0, io.SEEK_END)
        except OSError as error:
            raise unreadable(self.name, error) from error

    def parts(self) -> Iterator["Source"]:
        """Yield the texts in it, each as a source; or itself, if it is one text. Errors as of `blocks`."""
        if self.ends is None:
            yield self
            return
        try:
            with self.open() as stream:
                for number, (start, end) in enumerate(pairwise((0, *self.ends)), start=1):
                    content = partial(io.BytesIO, stream.read(end - start))
                    yield Source(f"{self.name}, document {number:,}", content, self.encoding)
        except OSError as error:
            raise unreadable(self.name, error) from error

    def blocks(self, size: int = BLOCK_BYTES, digest: Digest | None = None) -> Iterator[bytes]:
        """Yield its bytes in blocks of at most `size`, and feed each to `digest`, if given.

        Raises CharloopError if it cannot be read.
        """
        try:
            with self.open() as stream:
                while block := stream.read(size):
                    if digest is not None:
                        digest.update(block)
                    yield block
        except OSError as error:
            raise unreadable(self.name, error) from error


@dataclass(frozen=True)
class NamedCorpus:
    """A text that users name instead of a file.

    `summary` is one line; `origin` says where the text comes from and under which licence; `size` is its
    approximate size in bytes. `sources(cache)` returns its sources and notes on what was left out, and keeps a
    download in the folder `cache`; it raises CharloopError with instructions if the text is not available.
    `needs_network`: the first use downloads it.
    """

    name: str
    summary: str
    origin: str
    size: int
    sources: Callable[[Path], tuple[Sequence[Source], tuple[str, ...]]]
    needs_network: bool = False


def name_some(names: Sequence[str], shown: int = 3) -> str:
    """Return up to `shown` of `names` (at least one), and the number of the others."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def unreadable(name: object, error: OSError) -> CharloopError:
    """Return the error for a source that the operating system refuses to open or read."""
    return CharloopError(f"cannot read {name}", do=error.strerror or str(error))


def file_source(
    path: Path, encoding: str | None = None, name: str | None = None, ends: Sequence[int] | None = None
) -> Source:
    """Return a file as a source, which messages call `name`, or by its path."""
    return Source(name or str(path), lambda: path.open("rb"), encoding, ends)


def text_source(name: str, text: Callable[[], str]) -> Source:
    """Return a source whose text a function makes each time it is opened."""
    return Source(name, lambda: io.BytesIO(text().encode()), "utf-8")


@cache
def temporary_folder() -> Path:
    """Return this process's own temporary folder, which is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="charloop-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def copy_stream(name: str, stream: BinaryIO) -> Source:
    """Return a temporary copy of the rest of `stream`, which can be read only once. Errors: OSError."""
    with tempfile.NamedTemporaryFile(dir=temporary_folder(), delete=False) as copy:
        shutil.copyfileobj(stream, copy)
    return file_source(Path(copy.name), name=name)


def copy_stdin() -> Source:
    """Return a temporary copy of standard input. Raises CharloopError if it cannot be written."""
    try:
        return copy_stream("standard input", sys.stdin.buffer)
    except OSError as error:
        raise CharloopError(
            "cannot copy standard input to a file", do=error.strerror or str(error)
        ) from error
