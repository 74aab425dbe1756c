"""Ladders on the disk: in a run's folder, and in the cache by what they were measured on."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from jaxtyping import Integer

from charloop.baselines.ladder import Ladder, measure, portions
from charloop.data import Vocabulary, cache_folder
from charloop.data.cache import keep

FORMAT: Literal[1] = 1
"""Part of every key: a change in what is measured must raise it."""
FILE = "baselines.json"
"""Its name in a run's folder."""
LARGEST = 2**16
"""Bytes that a ladder's file may have."""


@dataclass(frozen=True)
class Stored:
    """What a file holds: `key` says of which texts."""

    format: Literal[1]
    key: str
    ladder: Ladder


def key_of(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"], vocabulary: Vocabulary
) -> str:
    """A hash of all that decides a ladder: both texts as far as they are used, how long they are, the vocabulary."""
    digest = hashlib.sha256(repr((FORMAT, len(train), len(text), vocabulary.fingerprint)).encode())
    for part in portions(train, text):
        digest.update(np.ascontiguousarray(part, np.uint32).data)
    return digest.hexdigest()[:40]


def pack(key: str, ladder: Ladder) -> bytes:
    """The content of a ladder's file."""
    return msgspec.json.format(msgspec.json.encode(Stored(FORMAT, key, ladder)), indent=1) + b"\n"


def read(path: Path, key: str | None = None) -> Ladder | None:
    """The ladder in `path`; None if there is none, if it is damaged, or if its key is not `key` (None: any is)."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        stored = msgspec.json.decode(path.read_bytes(), type=Stored)
    except (OSError, ValueError, RecursionError):
        return None
    return stored.ladder if key in (None, stored.key) else None


def find_or_measure(
    train: Integer[np.ndarray, " length"],
    text: Integer[np.ndarray, " characters"],
    vocabulary: Vocabulary,
    *,
    kept: Path | None = None,
    cache: Path | None = None,
) -> tuple[str, Ladder]:
    """Key and ladder: from the file `kept` if it is of these texts, from the cache folder, or measured now.

    `cache` is that folder, else `cache_folder()`; what was measured is put into it if that can be written.

    Raises CharloopError for texts too short.
    """
    folder = (cache or cache_folder()) / "baselines"
    key = key_of(train, text, vocabulary)
    ladder = (read(kept, key) if kept else None) or read(folder / f"{key}.json", key)
    if ladder is None:
        ladder = measure(train, text, vocabulary)
        keep(folder / f"{key}.json", pack(key, ladder))
    return key, ladder
