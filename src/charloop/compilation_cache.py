"""JAX's cache of compiled programs, kept in charloop's cache folder between commands."""

import hashlib
import os
import platform
import time
import warnings
from pathlib import Path

MAX_AGE = 30 * 24 * 3600
"""Seconds after which a program is compiled again, which limits the folder's size."""
ORPHAN_AGE = 3600
"""Seconds after which a last-use file without its entry no longer belongs to an entry that is being written."""
MIN_COMPILE_SECONDS = 0.2
"""Programs that compile faster are not kept."""
PROCESSOR = Path("/proc/cpuinfo")


def enable_compilation_cache() -> None:
    """Enable JAX's cache of programs, unless $JAX_COMPILATION_CACHE_DIR names another folder for it.

    $JAX_ENABLE_COMPILATION_CACHE=false disables it. If the folder cannot be written, nothing is kept; an entry that a
    killed process left half-written is compiled again.
    """
    import jax

    from charloop.files.cache import cache_folder

    if jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = cache_folder() / "programs" / fingerprint_processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_old_programs(folder)
        if jax.config.values["jax_compilation_cache_max_size"] >= 0:
            record_missing_uses(folder)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)


def remove_old_programs(folder: Path) -> None:
    """Remove programs that are too old, their last-use files, and what a killed process left behind."""
    for file in [*folder.glob("*-cache"), *folder.glob("*-cache.part")]:
        if file.stat().st_mtime < time.time() - MAX_AGE:
            file.unlink(missing_ok=True)
    for used in folder.glob("*-atime"):
        entry = used.with_name(f"{used.name.removesuffix('-atime')}-cache")
        if not entry.exists() and used.stat().st_mtime < time.time() - ORPHAN_AGE:
            used.unlink(missing_ok=True)


def record_missing_uses(folder: Path) -> None:
    """Write a last use for each entry that has none: JAX evicts nothing if one is missing.

    JAX itself writes none while $JAX_COMPILATION_CACHE_MAX_SIZE is not set.
    """
    for file in folder.glob("*-cache"):
        used = file.with_name(f"{file.name.removesuffix('-cache')}-atime")
        if not used.exists():
            used.write_bytes(file.stat().st_mtime_ns.to_bytes(8, "little"))


def fingerprint_processor() -> str:
    """Return a name for this kind of processor: several may share a home folder, and a program fits only one kind."""
    lines = PROCESSOR.read_text().splitlines() if PROCESSOR.exists() else [platform.node()]
    kinds = ("model name", "flags", "Features", "CPU part")
    known = sorted({line for line in lines if line.startswith(kinds)}) or lines[:1]
    return hashlib.sha256("\n".join([platform.machine(), *known]).encode()).hexdigest()[:16]
