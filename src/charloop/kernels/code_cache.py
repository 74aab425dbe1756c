"""A disk cache of kernels' machine code, in JAX's compilation cache: LLVM takes most of the time that a kernel costs.

Entries have JAX's own form: `NAME-cache`, and `NAME-atime` with the time of the last use. With
$JAX_COMPILATION_CACHE_MAX_SIZE, JAX evicts the least recently used entries, reads the second file of each entry, and
fails if one is missing; it does so under a lock, which this module takes too.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import jax

DIGEST = hashlib.sha256().digest_size
LOCK, LOCK_TIMEOUT = ".lockfile", 10.0
"""The name of JAX's lock file in the folder, and the seconds it waits for the lock."""


def find_folder() -> Path | None:
    """Return JAX's cache of programs, if it is enabled and is a local folder."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    if not folder or not jax.config.values["jax_enable_compilation_cache"] or not Path(folder).is_dir():
        return None
    return Path(folder)


def size_limit() -> int | None:
    """Return how many bytes the folder's entries may have together; None for no limit."""
    limit: int = jax.config.values["jax_compilation_cache_max_size"]
    return None if limit < 0 else limit


def last_use_file(file: Path) -> Path:
    """Return the file that records the last use of an entry."""
    return file.with_name(f"{file.name.removesuffix('-cache')}-atime")


def load_code(name: str) -> bytes | None:
    """Return the machine code saved under that name; None if there is none or it is damaged."""
    folder = find_folder()
    if folder is None:
        return None
    file = folder / f"{name}-cache"
    try:
        with lock_folder(folder):
            content = file.read_bytes()
            record_use(file)
    except (OSError, ImportError):
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if code and hashlib.sha256(code).digest() == digest else None


def save_code(name: str, code: bytes) -> None:
    """Save machine code for the next process; do nothing if it cannot be written."""
    folder, content = find_folder(), hashlib.sha256(code).digest() + code
    if folder is None:
        return
    file = folder / f"{name}-cache"
    with contextlib.suppress(OSError, ImportError), lock_folder(folder):
        if evict_entries(file, len(content)):
            write_entry(file, content)


def write_entry(file: Path, content: bytes) -> None:
    """Write an entry atomically. Errors: OSError."""
    # JAX's eviction ignores this name; `remove_old_programs` removes what a full disk leaves behind.
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix="-cache.part", delete=False) as part:
        part.write(content)
    record_use(file, first=True)
    os.replace(part.name, file)


def record_use(file: Path, *, first: bool = False) -> None:
    """Record that the entry is used now; without a size limit only once, as nobody reads it."""
    if first or size_limit() is not None:
        last_use_file(file).write_bytes(time.time_ns().to_bytes(8, "little"))


def evict_entries(file: Path, size: int) -> bool:
    """Remove the least recently used entries other than `file` until `size` more bytes fit; return whether they do.

    Errors: OSError.
    """
    limit = size_limit()
    if limit is None:
        return True
    if size > limit:
        return False
    entries = [entry for entry in file.parent.glob("*-cache") if entry != file]
    left = sum(entry.stat().st_size for entry in entries)
    for entry in sorted(entries, key=read_last_use):
        if left + size <= limit:
            break
        left -= entry.stat().st_size
        entry.unlink()
        last_use_file(entry).unlink(missing_ok=True)
    return True


def read_last_use(file: Path) -> int:
    """Return when an entry was last used, in nanoseconds; 0 if that is not recorded."""
    used = last_use_file(file)
    return int.from_bytes(used.read_bytes(), "little") if used.exists() else 0


def lock_folder(folder: Path) -> AbstractContextManager[object]:
    """Take JAX's lock, which it uses with a size limit only. Errors: ImportError without filelock, OSError on
    timeout.
    """
    if size_limit() is None:
        return contextlib.nullcontext()
    from filelock import FileLock

    lock: AbstractContextManager[object] = FileLock(folder / LOCK, timeout=LOCK_TIMEOUT)
    return lock
