"""Any text, tokenised once and memory-mapped: the one door through which text comes in."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt

from charloop.data import cache as token_cache
from charloop.data.decoding import check_encoding
from charloop.data.pieces import Piece
from charloop.data.sources import find
from charloop.data.spool import temporary_folder
from charloop.data.tokenizing import Request, Written, write_tokens
from charloop.data.vocabulary import Unit, Unknown, Vocabulary
from charloop.errors import CharloopError


@dataclass(frozen=True, eq=False)
class Corpus:
    """A tokenised text.

    `tokens`: a read-only memory map in the smallest unsigned type that fits the vocabulary.
    `content_hash`: sha256 of the raw bytes (of a single piece just that, as sha256sum prints it; of several,
    the sha256 of their sha256s), whatever the files are called. `notes`: what was changed or left out.
    `description`: a short human name. `suggested_name`: one for a run's folder.
    """

    tokens: UInt[np.ndarray, " length"]
    vocabulary: Vocabulary
    content_hash: str
    notes: tuple[str, ...]
    description: str
    suggested_name: str


def load_corpus(
    sources: Sequence[str],
    *,
    encoding: str = "utf-8",
    unit: Unit = "char",
    vocabulary: Vocabulary | None = None,
    unknown: Unknown = "error",
    cache: Path | None = None,
) -> Corpus:
    """The tokens of `sources` (files, folders, globs, - for standard input, named corpora), one after the other.

    Characters: `encoding` is strict, line ends become LF, and a file that does not end in one gets one before
    the next begins. Bytes: nothing is changed. With a `vocabulary` its unit is used, and a character it lacks is
    refused, or with unknown="skip" left out. `cache`: where tokens are kept, else `cache_folder()`.
    Errors: CharloopError for whatever cannot be read, or is too little to learn from.
    """
    check_encoding(encoding)
    unit = vocabulary.unit if vocabulary else unit
    folder = cache or token_cache.cache_folder()
    found = find(sources, encoding=encoding, unit=unit, cache=folder)
    request = Request(found.pieces, encoding, unit, vocabulary, unknown)
    content_hash = hash_of(found.pieces)
    entry, notes = _entry(request, content_hash, folder / "tokens")
    return Corpus(
        entry.tokens,
        entry.vocabulary,
        content_hash,
        (*found.notes, *entry.notes, *notes),
        found.description,
        found.suggested_name,
    )


def hash_of(pieces: Sequence[Piece]) -> str:
    """The sha256 of the raw content: of one piece its own, of several that of theirs in order."""
    digests = []
    for piece in pieces:
        digest = hashlib.sha256()
        for _ in piece.blocks(digest=digest):
            pass
        digests.append(digest.hexdigest())
    return join_hashes(digests)


def join_hashes(digests: Sequence[str]) -> str:
    """One hash for several; of one, itself."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _entry(request: Request, content_hash: str, folder: Path) -> tuple[token_cache.Entry, tuple[str, ...]]:
    """The entry, from the cache or made now; and a note if the cache folder could not be used."""
    key = token_cache.key_of(content_hash, *request.key_parts)
    entry = token_cache.load(folder, key)
    if entry is not None:
        return entry, ()
    try:
        return _build(request, content_hash, folder, key), ()
    except OSError as error:
        note = f"tokens are not kept: cannot write to the cache folder {folder} ({error.strerror or error})"
    try:
        return _build(request, content_hash, temporary_folder(), key), (note,)
    except OSError as error:
        raise CharloopError(
            f"no room for the tokens, neither in {folder} nor in {temporary_folder()}",
            do=f"{error.strerror or error}: name a folder with room in CHARLOOP_CACHE",
        ) from error


def _build(request: Request, content_hash: str, folder: Path, key: str) -> token_cache.Entry:
    """Tokenise into `folder` and put the result in place; nothing is left there when it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            written = write_tokens(request, stream)
        _check(request, written, content_hash)
        return token_cache.save(folder, key, Path(part), written.dtype, written.vocabulary, written.notes)
    finally:
        Path(part).unlink(missing_ok=True)


def _check(request: Request, written: Written, content_hash: str) -> None:
    """Refuse what nothing can be learned from, and what is not what was hashed."""
    if join_hashes(written.digests) != content_hash:
        raise CharloopError(
            f"{request.name} changed while it was read", do="try again when nothing writes to it"
        )
    if written.length < 2:
        what = "is empty" if written.length == 0 else "holds one character"
        raise CharloopError(
            f"{request.name} {what}", allowed="two characters or more, one to read and one to predict"
        )
    if request.vocabulary is None and not written.distinct:
        raise CharloopError(
            f"{request.name} holds one character over and over",
            do="give a text with two different characters",
        )
