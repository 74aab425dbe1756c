"""Token files on disk, named by what they were made from: a changed text has another name, never a stale file."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import platformdirs
from jaxtyping import UInt

from charloop.conversion import convert
from charloop.data.paging import open_map
from charloop.data.pieces import BLOCK_BYTES
from charloop.data.progress import Meter, MeteredDigest
from charloop.data.vocabulary import Vocabulary
from charloop.errors import CharloopError

FORMAT = 2
"""Part of every key: a change in how texts are cleaned or tokens are stored must raise it."""

ABANDONED = 24 * 60 * 60
"""Seconds without a write after which a half-written file is nobody's any more."""


def cache_folder() -> Path:
    """Where tokens and downloads are kept: $CHARLOOP_CACHE, or the platform's cache folder for charloop."""
    chosen = os.environ.get("CHARLOOP_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("charloop")


@dataclass(frozen=True)
class Entry:
    """One tokenised text: a memory map, its vocabulary, and what was changed on the way to it."""

    tokens: UInt[np.ndarray, " length"]
    vocabulary: Vocabulary
    notes: tuple[str, ...]


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON beside a token file; written last, it says that the file is whole and what its bytes hash to."""

    dtype: str
    sha256: str
    vocabulary: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where the entries of texts of one size and one treatment are: what can be known before a text is read."""

    folder: Path
    prefix: str

    @classmethod
    def of(cls, folder: Path, *parts: object) -> "Place":
        """`parts`: all that decides the tokens, but the content itself."""
        return cls(folder, hashlib.sha256(repr((FORMAT, *parts)).encode()).hexdigest()[:24])

    def holds_any(self) -> bool:
        """Whether there is an entry at all: if not, hashing a text to look for its own is in vain."""
        return any(self.folder.glob(f"{self.prefix}-*.json"))

    def paths(self, content_hash: str) -> tuple[Path, Path]:
        """The tokens and the label of the text with that hash."""
        name = f"{self.prefix}-{content_hash[:40]}"
        return self.folder / f"{name}.tokens", self.folder / f"{name}.json"


def load(place: Place, content_hash: str, meter: Meter, vocabulary: Vocabulary | None = None) -> Entry | None:
    """The entry of that text if it is there, whole and undamaged (and of that `vocabulary`); None otherwise."""
    tokens_path, label_path = place.paths(content_hash)
    try:
        label: _Label = convert(json.loads(label_path.read_bytes()), _Label)
        found = Vocabulary.from_json(label.vocabulary)
        if vocabulary not in (None, found) or _hash_of(tokens_path, meter) != label.sha256:
            return None
        return Entry(_map(tokens_path, label.dtype), found, label.notes)
    except (OSError, ValueError, TypeError, RecursionError, CharloopError):
        return None


def save(
    place: Place, content_hash: str, written: Path, label: Mapping[str, Any], vocabulary: Vocabulary
) -> Entry:
    """Move the token file `written` (on the folder's own disk) into place, label it, and give it back mapped.

    `label`: its dtype, sha256 and notes. Two processes that do this at once write the same bytes, so whichever is
    last is right. Errors: OSError.
    """
    tokens_path, label_path = place.paths(content_hash)
    os.replace(written, tokens_path)
    whole = _Label(vocabulary=vocabulary.to_json(), **label)
    with tempfile.NamedTemporaryFile(dir=place.folder, delete=False, suffix=".part") as part:
        # Python's, which spells halves of surrogate pairs: some encodings have them for characters.
        part.write(json.dumps(msgspec.to_builtins(whole)).encode())
    os.replace(part.name, label_path)
    return Entry(_map(tokens_path, whole.dtype), vocabulary, whole.notes)


def keep(path: Path, *parts: bytes | memoryview) -> None:
    """Put a file of these parts into the cache, whole or not at all: what cannot be written costs only time."""
    with contextlib.suppress(OSError):
        replace_file(path, *parts)


def replace_file(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts and its folder, whole or not at all, not flushed to the disk. Errors: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    handle, beside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        os.replace(beside, path)
    finally:
        Path(beside).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete what processes that were killed left half-written: as large as a text, and of use to nobody."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):  # another process may be quicker
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()


def _hash_of(path: Path, meter: Meter) -> str:
    digest = MeteredDigest(meter)
    with path.open("rb") as stream:
        meter.begin("checking the tokens", os.fstat(stream.fileno()).st_size)
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _map(path: Path, dtype: str) -> UInt[np.ndarray, " length"]:
    return open_map(path, np.dtype(dtype))
