"""Baselines in files: in a run's folder, and in the cache folder under a hash of their texts."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from jaxtyping import Integer

from charloop.baselines.measuring import Baselines, measure_baselines, used_portions
from charloop.data import Vocabulary
from charloop.files.cache import cache_folder, keep_in_cache

FORMAT: Literal[1] = 1
"""Part of every key. Raise it when the measurement changes."""
DOCUMENT_FORMAT = 2
"""The same for documents."""
BASELINES_FILE = "baselines.json"
"""The file's name in a run's folder."""
MAX_FILE_BYTES = 2**16


@dataclass(frozen=True)
class StoredBaselines:
    """The content of a file: the baselines, and the key of the texts that they belong to."""

    format: Literal[1]
    key: str
    ladder: Baselines  # named as in the files


def baselines_key(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"], vocabulary: Vocabulary
) -> str:
    """Hash all that decides the baselines: the used portions of both texts, their lengths and the vocabulary."""
    formats = (FORMAT, DOCUMENT_FORMAT) if vocabulary.documents else (FORMAT,)
    digest = hashlib.sha256(repr((*formats, len(train), len(text), vocabulary.fingerprint)).encode())
    for part in used_portions(train, text):
        digest.update(np.ascontiguousarray(part, np.uint32).data)
    return digest.hexdigest()[:40]


def encode_baselines(key: str, baselines: Baselines) -> bytes:
    """Return the content of a file of baselines."""
    stored = StoredBaselines(FORMAT, key, baselines)
    return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"


def read_baselines(path: Path, key: str | None = None) -> Baselines | None:
    """Return the baselines in `path`, or None if it is missing, damaged, or of another key than `key` (if given)."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return None
        stored = msgspec.json.decode(path.read_bytes(), type=StoredBaselines)
    except (OSError, ValueError, RecursionError):
        return None
    return stored.ladder if key in (None, stored.key) else None


def find_baselines(
    train: Integer[np.ndarray, " length"],
    text: Integer[np.ndarray, " characters"],
    vocabulary: Vocabulary,
    *,
    kept: Path | None = None,
    cache: Path | None = None,
) -> tuple[str, Baselines]:
    """Return the key of the texts and their baselines, read from a file or else measured.

    The files are `kept`, if given, and one in the folder `cache` (by default `cache_folder()`), which also gets
    what was measured, if it can be written. Raises CharloopError for texts that are too short.
    """
    folder = (cache or cache_folder()) / "baselines"
    key = baselines_key(train, text, vocabulary)
    baselines = (read_baselines(kept, key) if kept else None) or read_baselines(folder / f"{key}.json", key)
    if baselines is None:
        baselines = measure_baselines(train, text, vocabulary)
        keep_in_cache(folder / f"{key}.json", encode_baselines(key, baselines))
    return key, baselines
