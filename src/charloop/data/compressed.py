"""Compressed files as sources that decompress while they are read; documents that are not text, and what to do."""

import bz2
import gzip
import importlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from charloop.data.sources import Source, file_source
from charloop.errors import CharloopError

_DOCUMENTS = {
    ".pdf": (b"%PDF", "pdftotext {0}"),
    ".docx": (b"PK", "pandoc -t plain {0} -o {1}.txt"),
    ".odt": (b"PK", "pandoc -t plain {0} -o {1}.txt"),
    ".epub": (b"PK", "pandoc -t plain {0} -o {1}.txt"),
}
"""By the end of a name: the first bytes of such a document, and a command that makes a text of it."""
_ARCHIVES = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst)|rar|7z)$", re.IGNORECASE)
"""How the names of archives end that charloop does not read."""


class _Decompressed:
    """A stream of decompressed bytes, whose only errors are OSError."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        with _os_errors():
            return self._stream.read(size)

    def __enter__(self) -> "_Decompressed":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raise OSError for whatever a damaged or encrypted file makes the decompressors raise."""
    try:
        yield
    except (
        EOFError,
        lzma.LZMAError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise OSError(f"damaged or encrypted: {error}") from error


def _open_zstandard(path: Path) -> Any:
    for library in ("compression.zstd", "zstandard"):
        try:
            return importlib.import_module(library).open(path, "rb")
        except ImportError:
            continue
    raise CharloopError(
        f"{path} needs the library zstandard",
        do=f"pip install zstandard, or decompress it: zstd -d {path}",
    )


_OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _open_zstandard,
}


def is_compressed(path: Path) -> bool:
    """Return whether the name of `path` ends as that of a compressed file that charloop reads."""
    return path.suffix.lower() in {".zip", *_OPENERS}


def sources_of_file(path: Path) -> tuple[Source, ...]:
    """Return the texts in the file `path`: one, or the members of a zip, ordered by name.

    Raises CharloopError for a document that holds text in another form. Errors: OSError.
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with _os_errors(), zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}
        shown = sorted(name for name in sizes if not name.startswith(("__MACOSX/", ".")) and "/." not in name)
        return tuple(
            Source(
                f"{path}/{name}",
                partial(_open_member, path, name),
                packed_size=partial(sizes.__getitem__, name),
            )
            for name in shown
        )
    if _ARCHIVES.search(path.name) and _is_binary(path):
        raise CharloopError(
            f"{path} is an archive of files",
            do="unpack it, and name the folder that its files are in, or make a .zip",
        )
    if suffix in _OPENERS:
        opened = partial(_decompress, lambda: _OPENERS[suffix](path))
        return (Source(str(path), opened, packed_size=lambda: path.stat().st_size),)
    if suffix in _DOCUMENTS:
        begins, command = _DOCUMENTS[suffix]
        with path.open("rb") as stream:
            if stream.read(len(begins)) == begins:
                do = f"make a text of it first: {command.format(path, path.with_suffix(''))}"
                raise CharloopError(f"{path} is not plain text ({suffix[1:]})", do=do)
    return (file_source(path),)


def _is_binary(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(512)
    return b"\0" in start or not start.isascii()


def _open_member(path: Path, name: str) -> BinaryIO:
    with zipfile.ZipFile(path) as archive:  # the member keeps the file open
        return _decompress(lambda: archive.open(name))


def _decompress(open_stream: Callable[[], Any]) -> BinaryIO:
    with _os_errors():
        return cast(BinaryIO, _Decompressed(open_stream()))
