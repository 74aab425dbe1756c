"""From what a person names (files, folders, globs, -, named corpora) to the pieces that are read."""

import codecs
import difflib
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from charloop.data.corpora import NamedCorpus, corpus_names, find_corpus
from charloop.data.decoding import Errors
from charloop.data.pieces import Piece, file_piece
from charloop.data.spool import spool_stdin, spool_stream
from charloop.data.vocabulary import Unit
from charloop.errors import CharloopError

_SNIFFED_BYTES = 1 << 16

Accepts: TypeAlias = Callable[[Path], bool]
"""Which of a folder's files are read."""


@dataclass(frozen=True)
class Found:
    """What one or more sources turned out to be.

    `description` is a short human name ("3 files in poems/"), `suggested_name` one for a run's folder.
    """

    pieces: tuple[Piece, ...]
    description: str
    suggested_name: str
    notes: tuple[str, ...] = ()


@dataclass
class _Skipped:
    """Files of a folder that are left out."""

    hidden: int = 0
    not_text: list[str] = field(default_factory=list)

    def notes(self, folder: str) -> tuple[str, ...]:
        """What to tell about them."""
        lines = [f"skipped {self.hidden:,} hidden files and folders in {folder}"] if self.hidden else []
        if self.not_text:
            lines.append(
                f"skipped {len(self.not_text):,} files that are not text, such as {self.not_text[0]}"
            )
        return tuple(lines)


def find(
    sources: Sequence[str], *, encoding: str, unit: Unit, cache: Path, errors: Errors = "strict"
) -> Found:
    """The pieces of all `sources`, in the order given; `cache` is where a named corpus may keep a download.

    Errors: CharloopError for no source, a path that does not exist, or a folder without text.
    """
    if not sources or "" in sources:
        raise CharloopError(
            "no text was named", allowed=f"files, folders, globs, - or {', '.join(corpus_names())}"
        )
    if list(sources).count("-") > 1:
        raise CharloopError("standard input can be read only once", got="- twice")
    accepts = _anything if unit == "byte" else partial(is_text, encoding=encoding, errors=errors)
    found = [_find_one(source, accepts, cache) for source in sources]
    if len(found) == 1:
        return found[0]
    return Found(
        tuple(piece for one in found for piece in one.pieces),
        f"{found[0].description} and {len(found) - 1} more",
        f"{found[0].suggested_name}-and-{len(found) - 1}-more",
        tuple(note for one in found for note in one.notes),
    )


def _find_one(source: str, accepts: Accepts, cache: Path) -> Found:
    if source == "-":
        return Found((_stdin(),), "standard input", "stdin")
    path = Path(source)
    if os.path.lexists(path):
        return _folder(path, accepts) if path.is_dir() else _file(path)
    named = find_corpus(source)
    if named is not None:
        return _named(named, cache)
    if glob.has_magic(source):
        return _glob(source, accepts)
    raise _missing(source)


def _stdin() -> Piece:
    try:
        return spool_stdin()
    except OSError as error:
        raise CharloopError(
            "cannot copy standard input to a file", do=error.strerror or str(error)
        ) from error


def _named(corpus: NamedCorpus, cache: Path) -> Found:
    return Found(tuple(corpus.pieces(cache)), corpus.name, corpus.name)


def _file(path: Path) -> Found:
    """A file; one that cannot be read twice (a pipe, as in `<(zcat book.gz)`) is copied first."""
    try:
        mode = path.stat().st_mode
        refuse_device(path, mode)
        piece = file_piece(path) if stat.S_ISREG(mode) else spool_stream(str(path), path.open("rb"))
    except OSError as error:
        raise CharloopError(f"cannot read {path}", do=error.strerror or str(error)) from error
    return Found((piece,), path.name, _slug(path.stem))


def refuse_device(path: Path, mode: int) -> None:
    """Raises CharloopError for /dev/zero and whatever else may have no end; a terminal's end is typed by a person."""
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not _is_terminal(path)):
        raise CharloopError(
            f"{path} is a device, not a text", do="give a file, a folder or - for standard input"
        )


def _is_terminal(path: Path) -> bool:
    with path.open("rb", buffering=0) as stream:
        return stream.isatty()


def refuse_streams(sources: Sequence[str]) -> None:
    """Raises CharloopError for a pipe or a device among `sources` that no person named, but a file."""
    for path in (Path(source) for source in sources if os.path.exists(source)):
        if not (path.is_file() or path.is_dir()):
            raise CharloopError(f"the text {path} is a pipe or a device", do="name the text itself")


def _folder(path: Path, accepts: Accepts) -> Found:
    skipped = _Skipped()
    pieces = tuple(map(file_piece, _walk(path, accepts, skipped)))
    if not pieces:
        raise CharloopError(
            "a folder without files" if accepts is _anything else "a folder without text",
            got=str(path),
            do="; ".join(skipped.notes(str(path))) or "put text files in it, or name another",
        )
    name = path.resolve().name
    return Found(pieces, f"{_count(pieces)} in {name}/", _slug(name), skipped.notes(f"{name}/"))


def _walk(folder: Path, accepts: Accepts, skipped: _Skipped) -> Iterator[Path]:
    """Its files and those of its folders, in the order of their paths, whatever order the disk has."""
    files = []
    for place, folders, names in os.walk(folder):
        hidden = {name for name in (*folders, *names) if name.startswith(".")}
        skipped.hidden += len(hidden)
        folders[:] = [name for name in folders if name not in hidden]
        files += [os.path.join(place, name) for name in names if name not in hidden]
    # Part by part, as paths compare: a/b before a-c. Of a hundred thousand, paths themselves would be slow to sort.
    for file in sorted(files, key=lambda file: file.split(os.sep)):
        if os.path.isfile(file) and accepts(path := Path(file)):
            yield path
        elif os.path.isfile(file):
            skipped.not_text.append(file)


def _anything(path: Path) -> bool:  # noqa: ARG001
    """Every file is bytes."""
    return True


def is_text(path: Path, encoding: str, errors: Errors = "strict") -> bool:
    """Whether the first 64 KiB of the file are characters in `encoding` (or may be replaced), NUL not among them."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_SNIFFED_BYTES)
        return "\0" not in codecs.getincrementaldecoder(encoding)(errors).decode(start)
    except (OSError, UnicodeError):
        return False


def _glob(pattern: str, accepts: Accepts) -> Found:
    matches = sorted(map(Path, glob.glob(pattern, recursive=True)))
    # A pipe among them would be waited for; whoever means it names it.
    found = [
        _folder(path, accepts) if path.is_dir() else _file(path)
        for path in matches
        if path.is_file() or path.is_dir()
    ]
    if "**" in pattern:  # it lists a folder and again what is in it
        found = [_file(path) for path in matches if path.is_file()]
    pieces = tuple(piece for one in found for piece in one.pieces)
    if not pieces:
        raise CharloopError("no file matches", got=pattern)
    notes = tuple(note for one in found for note in one.notes)
    return Found(pieces, f"{_count(pieces)} matching {pattern}", _slug(Path(pattern).stem), notes)


def _count(pieces: Sequence[Piece]) -> str:
    return "1 file" if len(pieces) == 1 else f"{len(pieces):,} files"


def _slug(name: str) -> str:
    """A name fit for a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-._") or "text"


def _missing(source: str) -> CharloopError:
    """The error for a path that is not there: what is there instead, and which corpora have names."""
    path = Path(source)
    place = path.parent if path.parent.is_dir() else None
    there = sorted(os.listdir(place)) if place and os.access(place, os.R_OK | os.X_OK) else []
    near = [str(path.parent / name) for name in difflib.get_close_matches(path.name, there, n=1)]
    near += difflib.get_close_matches(source, corpus_names(), n=1)
    no_folder = "" if place else f" (and no folder {path.parent})"
    return CharloopError(
        f"no such file, folder or corpus{no_folder}",
        got=source,
        allowed=f"a path, or one of the corpora {', '.join(corpus_names())}",
        do=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
    )
