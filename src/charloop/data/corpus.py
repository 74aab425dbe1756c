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
from charloop.data.decoding import Errors, check_encoding
from charloop.data.pieces import Piece
from charloop.data.progress import Meter, MeteredDigest, ReadingListener
from charloop.data.reading import Request
from charloop.data.sources import Found, find
from charloop.data.spool import temporary_folder
from charloop.data.tokenizing import Written, write_tokens
from charloop.data.vocabulary import Unit, Unknown, Vocabulary
from charloop.errors import CharloopError
from charloop.given import source_names


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

    @classmethod
    def of_tokens(cls, tokens: np.ndarray, vocabulary: Vocabulary) -> "Corpus":
        """A text that is tokens already, `[length]` integers: places in the table of `vocabulary`. They are copied.

        Raises CharloopError for another shape or type, fewer than two, or a token that the vocabulary lacks.
        """
        if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer) or len(tokens) < 2:
            what = f"{tokens.dtype}{list(tokens.shape)}"
            raise CharloopError("tokens", got=what, allowed="one axis of two integers or more")
        lowest, highest = int(tokens.min()), int(tokens.max())
        if lowest < 0 or highest >= vocabulary.size:
            wrong = lowest if lowest < 0 else highest
            raise CharloopError("a token", got=wrong, allowed=f"0 to {vocabulary.size - 1}, the vocabulary's")
        copied = tokens.astype(np.min_scalar_type(vocabulary.size - 1))
        copied.flags.writeable = False
        digest = hashlib.sha256(vocabulary.fingerprint.encode())
        digest.update(copied.astype("<u4").tobytes())
        return cls(copied, vocabulary, digest.hexdigest(), (), "given tokens", "tokens")


def load_corpus(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    encoding: str = "utf-8",
    unit: Unit = "char",
    vocabulary: Vocabulary | None = None,
    unknown: Unknown = "error",
    errors: Errors = "strict",
    min_count: int = 1,
    cache: Path | None = None,
    listener: ReadingListener | None = None,
) -> Corpus:
    """The tokens of `sources` (files, folders, globs, - for standard input, named corpora), one after the other.

    Characters: `encoding` is strict, line ends become LF, and a file that does not end in one gets one before
    the next begins; errors="replace" reads U+FFFD where bytes are no characters, and counts. Characters that the
    text has less than `min_count` times become one unknown sign. Bytes: nothing is changed.
    With a `vocabulary` its unit and its unknown sign are used; where it has none, a character it lacks is refused,
    or with unknown="skip" left out. `cache`: where tokens are kept, else `cache_folder()`. `listener` is told how far
    the reading has come.
    Errors: CharloopError for whatever cannot be read, or is too little to learn from.
    """
    check_encoding(encoding)
    unit, folder = vocabulary.unit if vocabulary else unit, cache or token_cache.cache_folder()
    _check_min_count(min_count, unit)
    found = find(source_names(sources), encoding=encoding, unit=unit, errors=errors, cache=folder)
    return read_found(
        found,
        encoding=encoding,
        unit=unit,
        vocabulary=vocabulary,
        unknown=unknown,
        errors=errors,
        min_count=min_count,
        cache=folder,
        listener=listener,
    )


def read_found(
    found: Found,
    *,
    encoding: str,
    unit: Unit,
    vocabulary: Vocabulary | None,
    errors: Errors,
    min_count: int,
    unknown: Unknown = "error",
    cache: Path | None = None,
    listener: ReadingListener | None = None,
) -> Corpus:
    """The tokens of what was found; else as `load_corpus`."""
    unit, meter = vocabulary.unit if vocabulary else unit, Meter(listener)
    _check_min_count(min_count, unit)
    folder = cache or token_cache.cache_folder()
    request = Request(found.pieces, encoding, unit, vocabulary, unknown, errors, min_count)
    entry, content_hash, notes = _entry(request, folder / "tokens", meter)
    return Corpus(
        entry.tokens,
        entry.vocabulary,
        content_hash,
        (*found.notes, *entry.notes, *notes),
        found.description,
        found.suggested_name,
    )


def hash_of(pieces: Sequence[Piece], meter: Meter | None = None) -> str:
    """The sha256 of the raw content: of one piece its own, of several that of theirs in order."""
    meter, digests = meter or Meter(), []
    for piece in pieces:
        digest = MeteredDigest(meter)
        for _ in piece.blocks(digest=digest):
            pass
        digests.append(digest.hexdigest())
    return join_hashes(digests)


def join_hashes(digests: Sequence[str]) -> str:
    """One hash for several; of one, itself."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _entry(request: Request, folder: Path, meter: Meter) -> tuple[token_cache.Entry, str, tuple[str, ...]]:
    """The entry, from the cache or made now; its content's hash; and a note if the cache could not be used."""
    size = sum(piece.size() for piece in request.pieces)
    kept = _kept(request, folder, size, meter)
    if kept:
        return *kept, ()
    try:
        return *_build(request, folder, size, meter), ()
    except OSError as error:
        note = f"tokens are not kept: cannot write to the cache folder {folder} ({error.strerror or error})"
    try:
        return *_build(request, temporary_folder(), size, meter), (note,)
    except OSError as error:
        raise CharloopError(
            f"no room for the tokens, neither in {folder} nor in {temporary_folder()}",
            do=f"{error.strerror or error}: name a folder with room in CHARLOOP_CACHE",
        ) from error


def _kept(request: Request, folder: Path, size: int, meter: Meter) -> tuple[token_cache.Entry, str] | None:
    """The entry that the cache has, and its content's hash: what a text made itself serves whoever has the same."""
    keys = dict.fromkeys((request.key_parts, request.as_learned.key_parts))
    places = [token_cache.Place.of(folder, size, key) for key in keys]
    if not any(place.holds_any() for place in places):
        return None
    meter.begin("looking for its tokens", size)
    content_hash = hash_of(request.pieces, meter)
    found = (token_cache.load(place, content_hash, meter, request.vocabulary) for place in places)
    entry = next(filter(None, found), None)
    return (entry, content_hash) if entry else None


def _build(request: Request, folder: Path, size: int, meter: Meter) -> tuple[token_cache.Entry, str]:
    """Tokenise into `folder` and put the result in place; nothing is left there when it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    token_cache.sweep(folder)
    handle, part = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "w+b") as stream:
            meter.begin("reading", size)
            written = write_tokens(request, stream, meter)
        _check(request, written, size)
        place, content_hash = (
            token_cache.Place.of(folder, size, request.key_parts),
            join_hashes(written.digests),
        )
        label = {"dtype": written.dtype, "sha256": written.sha256, "notes": written.notes}
        return token_cache.save(place, content_hash, Path(part), label, written.vocabulary), content_hash
    finally:
        Path(part).unlink(missing_ok=True)


def _check_min_count(min_count: int, unit: Unit) -> None:
    if min_count < 1 or (min_count > 1 and unit == "byte"):
        allowed = "1 or more" if unit == "char" else "1: bytes are never folded"
        raise CharloopError("--min-count", got=min_count, allowed=allowed)


def _check(request: Request, written: Written, size: int) -> None:
    """Refuse what nothing can be learned from, and what was cut or grew meanwhile."""
    if written.size != size:
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
