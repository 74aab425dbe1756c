"""Tokens kept in the cache folder under a hash of their text: a changed text gets another file, never a stale one."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Int, UInt

from charloop.conversion import convert
from charloop.data.documents.order import number_groups, random_order, reorder_documents, spread_order
from charloop.data.reading import TokenRequest
from charloop.data.sources import Source, temporary_folder
from charloop.data.token_file import map_tokens
from charloop.data.tokenizing import WrittenTokens, changed_while_read, write_tokens
from charloop.data.vocabulary import Vocabulary
from charloop.errors import CharloopError
from charloop.files.cache import remove_stale_parts
from charloop.progress import Meter, MeteredDigest

FORMAT = 2
"""Part of every key. Raise it when the cleaning of texts or the storage of tokens changes."""


@dataclass(frozen=True)
class CachedTokens:
    """The tokens of one text as a memory map, their vocabulary, and notes on what was changed in the text."""

    tokens: UInt[np.ndarray, " length"]
    vocabulary: Vocabulary
    notes: tuple[str, ...]


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON file beside a token file: written last, so that it marks the token file as complete."""

    dtype: str
    sha256: str
    vocabulary: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Slot:
    """The file names for texts of one size and one request: all that is known before a text is read."""

    folder: Path
    prefix: str

    @classmethod
    def of(cls, folder: Path, *parts: object) -> "_Slot":
        """`parts`: all that decides the tokens, except the content."""
        return cls(folder, hashlib.sha256(repr((FORMAT, *parts)).encode()).hexdigest()[:24])

    def paths(self, content_hash: str) -> tuple[Path, Path]:
        """Return the paths of token file and label for the text with that hash."""
        name = f"{self.prefix}-{content_hash[:40]}"
        return self.folder / f"{name}.tokens", self.folder / f"{name}.json"


def find_or_write_tokens(
    request: TokenRequest, folder: Path, meter: Meter
) -> tuple[CachedTokens, str, tuple[str, ...]]:
    """Return the tokens of `request`, the hash of its content, and a note if `folder` could not be used.

    They are read from `folder`, or else written there; in a temporary folder where that fails. Raises CharloopError
    for whatever cannot be read or is too small to learn from, and if no folder can be written.
    """
    size = _size_of(request)
    found = _find(request, folder, size, meter)
    if found:
        return *found, ()
    try:
        return *_write(request, folder, size, meter), ()
    except OSError as error:
        note = f"tokens are not kept: cannot write to the cache folder {folder} ({error.strerror or error})"
    try:
        return *_write(request, temporary_folder(), size, meter), (note,)
    except OSError as error:
        raise CharloopError(
            f"no space for the tokens, neither in {folder} nor in {temporary_folder()}",
            do=f"{error.strerror or error}: name a folder with free space in CHARLOOP_CACHE",
        ) from error


def _size_of(request: TokenRequest) -> int:
    return sum(source.size() for source in request.sources)


def _find(request: TokenRequest, folder: Path, size: int, meter: Meter) -> tuple[CachedTokens, str] | None:
    """Return the cached tokens and the content's hash; those of a learned vocabulary also serve who is given it."""
    keys = dict.fromkeys((request.key_parts, request.as_learned.key_parts))
    slots = [_Slot.of(folder, size, key) for key in keys]
    # If none is there, the text need not be hashed to look for its own.
    if not any(path for slot in slots for path in folder.glob(f"{slot.prefix}-*.json")):
        return None
    meter.begin("looking for its tokens", size)
    parts = (part for source in request.sources for part in request.parts(source))
    content_hash = hash_sources(parts, meter)
    # The key of "learn" has the vocabulary that the tokens' own grew from.
    wanted = (None if request.unknown == "learn" else request.vocabulary, request.vocabulary)
    found = (_load(slot, content_hash, meter, own) for slot, own in zip(slots, wanted, strict=False))
    cached = next(filter(None, found), None)
    return (cached, content_hash) if cached else None


def _load(slot: _Slot, content_hash: str, meter: Meter, vocabulary: Vocabulary | None) -> CachedTokens | None:
    """Return the cached tokens of a text, or None if they are missing, damaged, or not of `vocabulary` (if given)."""
    tokens_path, label_path = slot.paths(content_hash)
    try:
        label: _Label = convert(json.loads(label_path.read_bytes()), _Label)
        found = Vocabulary.from_json(label.vocabulary)
        if vocabulary not in (None, found):
            return None
        meter.begin("checking the tokens", tokens_path.stat().st_size)
        with tokens_path.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: MeteredDigest(meter))  # type: ignore[arg-type, return-value]
        if digest.hexdigest() != label.sha256:
            return None
        return CachedTokens(map_tokens(tokens_path, np.dtype(label.dtype)), found, label.notes)
    except (OSError, ValueError, TypeError, RecursionError, CharloopError):
        return None


def _write(request: TokenRequest, folder: Path, size: int, meter: Meter) -> tuple[CachedTokens, str]:
    """Tokenise into `folder`; nothing is left there on failure."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(folder)
    handle, part = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "w+b") as stream:
            meter.begin("reading", size)
            written = write_tokens(request, stream, meter)
        _check_written(request, written, size)
        if (choose := choose_order(request, written)) is not None:
            written = reorder_documents(Path(part), written, choose, meter)
        slot, content_hash = _Slot.of(folder, size, request.key_parts), join_hashes(written.digests)
        label = {"dtype": written.dtype, "sha256": written.sha256, "notes": written.notes}
        return _save(slot, content_hash, Path(part), label, written.vocabulary), content_hash
    finally:
        Path(part).unlink(missing_ok=True)


def choose_order(
    request: TokenRequest, written: WrittenTokens
) -> Callable[[Int[np.ndarray, " documents"]], Int[np.ndarray, " documents"]] | None:
    """Return the function from the sizes of all documents to their order; None if they stay in their order."""
    if request.shuffle is not None:
        seed = request.shuffle
        return lambda sizes: random_order(len(sizes), seed)
    if not request.spreads:
        return None
    groups = number_groups(written.documents, by_folder=request.documents == "file")
    return (lambda sizes: spread_order(sizes, groups)) if groups.any() else None


def _save(
    slot: _Slot, content_hash: str, part: Path, label: Mapping[str, Any], vocabulary: Vocabulary
) -> CachedTokens:
    """Give the token file `part` its name, write its label (dtype, sha256, notes), and map it.

    Two processes that do this at once write the same bytes, so either may be last. Errors: OSError.
    """
    tokens_path, label_path = slot.paths(content_hash)
    os.replace(part, tokens_path)
    complete = _Label(vocabulary=vocabulary.to_json(), **label)
    with tempfile.NamedTemporaryFile(dir=slot.folder, delete=False, suffix=".part") as file:
        # Python's encoder writes lone surrogates, which some encodings have as characters; msgspec's does not.
        file.write(json.dumps(msgspec.to_builtins(complete)).encode())
    os.replace(file.name, label_path)
    return CachedTokens(map_tokens(tokens_path, np.dtype(complete.dtype)), vocabulary, complete.notes)


def _check_written(request: TokenRequest, written: WrittenTokens, size: int) -> None:
    """Raise CharloopError for a text that is too small to learn from, or that changed while it was read."""
    is_packed = any(source.packed_size for source in request.sources)
    if size != (_size_of(request) if is_packed else written.size):
        raise changed_while_read(request.name)
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


def hash_sources(sources: Iterable[Source], meter: Meter) -> str:
    """Return the sha256 of the raw content: of one source its own, of several that of their hashes in order."""
    digests = []
    for source in sources:
        digest = MeteredDigest(meter)
        for _ in source.blocks(digest=digest):
            pass
        digests.append(digest.hexdigest())
    return join_hashes(digests)


def join_hashes(digests: Sequence[str]) -> str:
    """Return one hash for several; of one, itself."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
