"""Machine code of kernels, kept where JAX keeps its compiled programs: LLVM's work is most of a kernel's price.

Entries are JAX's own kind: `NAME-cache`, and `NAME-atime` with the time of the last use. With
$JAX_COMPILATION_CACHE_MAX_SIZE JAX removes the least recently used, reads the second file of each entry, and gives up
where one has none; it does so under a lock, which is taken here too.
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
"""JAX's lock of the folder, and the seconds that it waits for it."""


def find_folder() -> Path | None:
    """JAX's cache of programs, if there is one and it is a folder here."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    if not folder or not jax.config.values["jax_enable_compilation_cache"] or not Path(folder).is_dir():
        return None
    return Path(folder)


def size_limit() -> int | None:
    """Bytes that the folder's entries may have together; None for any number."""
    limit: int = jax.config.values["jax_compilation_cache_max_size"]
    return None if limit < 0 else limit


def entry_file(folder: Path, name: str) -> Path:
    """Named as JAX's own entries, so that they are forgotten together."""
    return folder / f"{name}-cache"


def last_use_file(file: Path) -> Path:
    """Where the last use of an entry is written down."""
    return file.with_name(f"{file.name.removesuffix('-cache')}-atime")


def load_code(name: str) -> bytes | None:
    """What was kept under that name, whole; else nothing."""
    folder = find_folder()
    if folder is None:
        return None
    file = entry_file(folder, name)
    try:
        with lock_folder(folder):
            content = file.read_bytes()
            record_use(file)
    except (OSError, ImportError):
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if code and hashlib.sha256(code).digest() == digest else None


def save_code(name: str, code: bytes) -> None:
    """For the next process; where nothing can be written, nothing is."""
    folder, content = find_folder(), hashlib.sha256(code).digest() + code
    if folder is None:
        return
    try:
        with lock_folder(folder):
            if evict_entries(folder, entry_file(folder, name), len(content)):
                write_entry(entry_file(folder, name), content)
    except (OSError, ImportError):
        return


def write_entry(file: Path, content: bytes) -> None:
    """The entry, whole or not there. Errors: OSError."""
    # No name that JAX's eviction looks at; the command line forgets what a full disk leaves behind.
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix="-cache.part", delete=False) as part:
        part.write(content)
    record_use(file, first=True)
    os.replace(part.name, file)


def record_use(file: Path, *, first: bool = False) -> None:
    """Write down that the entry is used now; without a limit only the first time, as nobody asks."""
    if first or size_limit() is not None:
        last_use_file(file).write_bytes(time.time_ns().to_bytes(8, "little"))


def evict_entries(folder: Path, file: Path, size: int) -> bool:
    """Remove the least recently used entries until `size` bytes more fit; whether they do. Errors: OSError."""
    limit = size_limit()
    if limit is None:
        return True
    if size > limit:
        return False
    entries = [entry for entry in folder.glob("*-cache") if entry != file]
    left = sum(entry.stat().st_size for entry in entries)
    for entry in sorted(entries, key=read_last_use):
        if left + size <= limit:
            break
        left -= entry.stat().st_size
        entry.unlink()
        last_use_file(entry).unlink(missing_ok=True)
    return True


def read_last_use(file: Path) -> int:
    """When an entry was last used, in nanoseconds; 0 if nobody wrote it down."""
    used = last_use_file(file)
    return int.from_bytes(used.read_bytes(), "little") if used.exists() else 0


def lock_folder(folder: Path) -> AbstractContextManager[object]:
    """JAX's lock, where it takes one: with a limit. Errors: ImportError without filelock, OSError for a long wait."""
    if size_limit() is None:
        return contextlib.nullcontext()
    from filelock import FileLock

    lock: AbstractContextManager[object] = FileLock(folder / LOCK, timeout=LOCK_TIMEOUT)
    return lock
