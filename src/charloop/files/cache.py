"""The cache folder: files that can be made again, complete or absent, deleted at any time without harm."""

import contextlib
import os
import tempfile
import time
from pathlib import Path

import platformdirs

STALE_SECONDS = 24 * 60 * 60
"""Age after which a partial file belongs to no process any more."""


def cache_folder() -> Path:
    """Return where tokens, downloads and baselines are kept: $CHARLOOP_CACHE, or the platform's cache folder."""
    chosen = os.environ.get("CHARLOOP_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("charloop")


def keep_in_cache(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts, complete or not at all; failure is ignored, since it only costs time later."""
    with contextlib.suppress(OSError):
        write_cache_file(path, *parts)


def write_cache_file(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts, and its folder; complete or not at all. Errors: OSError.

    Unlike `write_atomically` it does not flush to the disk: a file lost in a power cut is made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(path.parent)
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def remove_stale_parts(folder: Path) -> None:
    """Delete the partial files that killed processes left in `folder`."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):  # another process may delete it first
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink()
