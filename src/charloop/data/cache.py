"""Token files on disk, named by what they were made from: a changed text has another name, never a stale file."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import platformdirs
from jaxtyping import UInt

from charloop.data.vocabulary import Vocabulary
from charloop.errors import CharloopError

FORMAT = 1
"""Part of every key: a change in how texts are cleaned or tokens are stored must raise it."""


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


def key_of(*parts: object) -> str:
    """The name of an entry: a hash of all that decides its tokens."""
    return hashlib.sha256(repr((FORMAT, *parts)).encode()).hexdigest()[:40]


def load(folder: Path, key: str) -> Entry | None:
    """The entry of that key if it is there, whole and undamaged; None otherwise."""
    tokens_path, label_path = _paths(folder, key)
    try:
        label = msgspec.json.decode(label_path.read_bytes(), type=_Label)
        with tokens_path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != label.sha256:
                return None
        return Entry(_map(tokens_path, label.dtype), Vocabulary.from_json(label.vocabulary), label.notes)
    except (OSError, ValueError, TypeError, CharloopError):
        return None


def save(
    folder: Path, key: str, written: Path, dtype: str, vocabulary: Vocabulary, notes: tuple[str, ...]
) -> Entry:
    """Move the token file `written` (on the folder's own disk) into place, label it, and give it back mapped.

    Two processes that do this at once write the same bytes, so whichever is last is right. Errors: OSError.
    """
    tokens_path, label_path = _paths(folder, key)
    with written.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    os.replace(written, tokens_path)
    label = _Label(dtype, digest, vocabulary.to_json(), notes)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False, suffix=".part") as part:
        part.write(msgspec.json.encode(label))
    os.replace(part.name, label_path)
    return Entry(_map(tokens_path, dtype), vocabulary, notes)


def _paths(folder: Path, key: str) -> tuple[Path, Path]:
    return folder / f"{key}.tokens", folder / f"{key}.json"


def _map(path: Path, dtype: str) -> UInt[np.ndarray, " length"]:
    return np.memmap(path, np.dtype(dtype), mode="r")
