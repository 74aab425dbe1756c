"""From the names that a user gives (files, folders, globs, -, named corpora) to the sources that are read."""

import difflib
import glob
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from charloop.data.compressed import is_compressed, sources_of_file
from charloop.data.corpora import corpus_names, find_corpus
from charloop.data.decoding import Errors
from charloop.data.detecting import Accepts, SkippedFiles, accept_all, choose_sources, is_text
from charloop.data.documents.records import find_format
from charloop.data.sources import Source, copy_stdin, copy_stream, file_source, name_some, unreadable
from charloop.data.vocabulary import Unit
from charloop.errors import CharloopError
from charloop.wording import number_of


class MissingTextError(CharloopError):
    """The error of a path that does not exist."""


@dataclass(frozen=True)
class FoundText:
    """The sources of a text.

    `description` is a short name for people ("3 files in poems/"), `suggested_name` one for a run's folder.
    """

    sources: tuple[Source, ...]
    description: str
    suggested_name: str
    notes: tuple[str, ...] = ()
    counted: str = ""
    """What follows the number of files in the description, if it has one: "in poems/"."""

    @classmethod
    def of_files(
        cls, sources: tuple[Source, ...], counted: str, name: str, notes: tuple[str, ...]
    ) -> "FoundText":
        """Return a text that is described by its number of files."""
        return cls(sources, f"{_count(sources)} {counted}", _slug(name), notes, counted)

    def with_records(self) -> "FoundText":
        """Return the same without the sources that cannot hold records, and with a note on these."""
        others = [source.name for source in self.sources if not _may_have_records(source)]
        if not others:
            return self
        sources = tuple(filter(_may_have_records, self.sources))
        note = f"skipped {number_of(len(others), 'file')} without records: {name_some(others)}"
        description = f"{_count(sources)} {self.counted}" if self.counted else self.description
        return replace(self, sources=sources, description=description, notes=(*self.notes, note))


def find_sources(
    names: Sequence[str],
    *,
    encoding: str,
    unit: Unit,
    cache: Path,
    errors: Errors = "strict",
    records: bool = False,
) -> FoundText:
    """Return the sources that `names` stand for, in their order; a named corpus keeps its download in `cache`.

    With `records`, only those that may hold records, if there are any. Raises CharloopError for no name, a path that
    does not exist, or a folder without text.
    """
    if not names or "" in names:
        raise CharloopError(
            "no text was named", allowed=f"files, folders, globs, - or {', '.join(corpus_names())}"
        )
    if list(names).count("-") > 1:
        raise CharloopError("standard input can be read only once", got="- twice")
    accepts = accept_all if unit == "byte" else partial(is_text, encoding=encoding, errors=errors)
    found = [_find_one(name, accepts, cache) for name in names]
    if records and any(_may_have_records(source) for one in found for source in one.sources):
        found = [one.with_records() for one in found]
    notes = tuple(note for one in found for note in one.notes)
    first, *others = [one for one in found if one.sources]
    if not others:
        return replace(first, notes=notes)
    return FoundText(
        (*first.sources, *(source for one in others for source in one.sources)),
        f"{first.description} and {len(others)} more",
        f"{first.suggested_name}-and-{len(others)}-more",
        notes,
    )


def _may_have_records(source: Source) -> bool:
    return find_format(source.name) != "text"


def _find_one(name: str, accepts: Accepts, cache: Path) -> FoundText:
    if name == "-":
        return FoundText((copy_stdin(),), "standard input", "stdin")
    path = Path(name)
    if os.path.lexists(path):
        return _find_in_folder(path, accepts) if path.is_dir() else _find_file(path, accepts)
    corpus = find_corpus(name)
    if corpus is not None:
        sources, notes = corpus.sources(cache)
        return FoundText(tuple(sources), corpus.name, corpus.name, notes)
    if glob.has_magic(name):
        return _find_matches(name, accepts)
    raise _missing(name)


def _find_file(path: Path, accepts: Accepts) -> FoundText:
    """Return a file as a text. What cannot be read twice (a pipe, as in `<(zcat book.gz)`) is copied first."""
    try:
        mode = path.stat().st_mode
        refuse_device(path, mode)
        if stat.S_ISREG(mode):
            sources = (file_source(path),) if accepts is accept_all else sources_of_file(path)
        else:
            with path.open("rb") as stream:
                sources = (copy_stream(str(path), stream),)
    except OSError as error:
        raise unreadable(path, error) from error
    name = Path(path.stem).stem if is_compressed(path) else path.stem
    if path.suffix.lower() != ".zip" or accepts is accept_all:
        return FoundText(sources, path.name, _slug(name))
    skipped = SkippedFiles.of(accepts)
    texts = tuple(choose_sources(sources, accepts, skipped))
    if not texts:
        do = "; ".join(skipped.notes(str(path))) or "put text files in it"
        raise CharloopError("a zip without text", got=str(path), do=do)
    return FoundText.of_files(texts, f"in {path.name}", name, skipped.notes(path.name))


def refuse_device(path: Path, mode: int) -> None:
    """Raise CharloopError for a device, such as /dev/zero, which may have no end. Terminals end at Ctrl-D."""
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not _is_terminal(path)):
        raise CharloopError(
            f"{path} is a device, not a text", do="give a file, a folder or - for standard input"
        )


def _is_terminal(path: Path) -> bool:
    with path.open("rb", buffering=0) as stream:
        return stream.isatty()


def refuse_streams(names: Sequence[str]) -> None:
    """Raise CharloopError for a pipe or a device among `names` that come from a file instead of a user."""
    for path in (Path(name) for name in names if os.path.exists(name)):
        if not (path.is_file() or path.is_dir()):
            raise CharloopError(f"the text {path} is a pipe or a device", do="name the text itself")


def need_stdin(names: Sequence[str], run: Path) -> None:
    """Raise CharloopError if `names`, those of the text of `run`, need standard input, and no text comes from it."""
    if "-" in names and not _stdin_has_text():
        raise CharloopError(
            f"{run} was trained from standard input", do="give the text again: add < FILE to the command"
        )


def _stdin_has_text() -> bool:
    buffer = getattr(sys.stdin, "buffer", None)
    return buffer is not None and not sys.stdin.isatty() and bool(buffer.peek(1))


def _find_in_folder(path: Path, accepts: Accepts) -> FoundText:
    skipped = SkippedFiles.of(accepts)
    sources = tuple(choose_sources(_walk(path, accepts, skipped), accepts, skipped))
    if not sources:
        raise CharloopError(
            "a folder without files" if accepts is accept_all else "a folder without text",
            got=str(path),
            do="; ".join(skipped.notes(str(path))) or "put text files in it, or name another",
        )
    name = path.resolve().name
    return FoundText.of_files(sources, f"in {name}/", name, skipped.notes(f"{name}/"))


def _walk(folder: Path, accepts: Accepts, skipped: SkippedFiles) -> Iterator[Source]:
    """Yield the files in `folder` and its subfolders, ordered by path, not as the disk lists them."""
    files = []
    for parent, folders, names in os.walk(folder):
        hidden = {name for name in (*folders, *names) if name.startswith(".")}
        skipped.hidden += len(hidden)
        folders[:] = [name for name in folders if name not in hidden]
        files += [os.path.join(parent, name) for name in names if name not in hidden]
    # Part by part, as paths compare: a/b before a-c. Path objects would be slow to sort by the hundred thousand.
    for file in sorted(files, key=lambda file: file.split(os.sep)):
        if os.path.isfile(file):
            try:
                yield from (
                    (file_source(Path(file)),) if accepts is accept_all else sources_of_file(Path(file))
                )
            except (OSError, CharloopError):  # damaged, or a document that is not text
                skipped.not_text.append(file)


def _find_matches(pattern: str, accepts: Accepts) -> FoundText:
    matches = sorted(map(Path, glob.glob(pattern, recursive=True)))
    # Reading a matching pipe would block; a user who means it can name it.
    found = [
        _find_in_folder(path, accepts) if path.is_dir() else _find_file(path, accepts)
        for path in matches
        if path.is_file() or path.is_dir()
    ]
    if "**" in pattern:  # it lists both a folder and the folder's files
        found = [_find_file(path, accepts) for path in matches if path.is_file()]
    sources = tuple(source for one in found for source in one.sources)
    if not sources:
        raise CharloopError("no file matches", got=pattern)
    notes = tuple(note for one in found for note in one.notes)
    return FoundText.of_files(sources, f"matching {pattern}", Path(pattern).stem, notes)


def _count(sources: Sequence[Source]) -> str:
    return "1 file" if len(sources) == 1 else f"{len(sources):,} files"


def _slug(name: str) -> str:
    """Return `name` without what is awkward in a folder's name."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-._") or "text"


def _missing(name: str) -> MissingTextError:
    """Return the error for a path that does not exist, with the nearest path or corpus that does."""
    path = Path(name)
    folder = path.parent if path.parent.is_dir() else None
    there = sorted(os.listdir(folder)) if folder and os.access(folder, os.R_OK | os.X_OK) else []
    near = [str(path.parent / name) for name in difflib.get_close_matches(path.name, there, n=1)]
    near += difflib.get_close_matches(name, corpus_names(), n=1)
    no_folder = "" if folder else f" (and no folder {path.parent})"
    return MissingTextError(
        f"no such file, folder or corpus{no_folder}",
        got=name,
        allowed=f"a path, or one of the corpora {', '.join(corpus_names())}",
        do=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
    )
