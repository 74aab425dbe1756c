"""What was compiled once is not compiled again: JAX keeps programs between commands, in charloop's cache."""

import hashlib
import os
import platform
import time
import warnings
from pathlib import Path

KEPT = 30 * 24 * 3600
"""Seconds after which a program is compiled anew, so that the folder does not grow for ever."""
ABANDONED = 3600
"""Seconds after which a last use without its entry is of nothing that is being written."""
WORTH_KEEPING = 0.2
"""Seconds of compiling."""
PROCESSOR = Path("/proc/cpuinfo")


def enable_compilation_cache() -> None:
    """Switch JAX's cache of programs on, unless $JAX_COMPILATION_CACHE_DIR names another place for it.

    $JAX_ENABLE_COMPILATION_CACHE=false switches it off. Where nothing can be kept, nothing is; an entry that a
    killed process left half-written is compiled again.
    """
    import jax

    from charloop.files.cache import cache_folder

    if jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = cache_folder() / "programs" / processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        forget_old(folder)
        if jax.config.values["jax_compilation_cache_max_size"] >= 0:
            note_uses(folder)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING)


def forget_old(folder: Path) -> None:
    """Remove what was kept for long enough, with what JAX writes of its last use, and what a killed process left."""
    for file in [*folder.glob("*-cache"), *folder.glob("*-cache.part")]:
        if file.stat().st_mtime < time.time() - KEPT:
            file.unlink(missing_ok=True)
    for used in folder.glob("*-atime"):
        if not entry_of(used).exists() and used.stat().st_mtime < time.time() - ABANDONED:
            used.unlink(missing_ok=True)


def note_uses(folder: Path) -> None:
    """Write down a last use for each entry that has none: JAX gives up removing anything where one is missing.

    It writes none itself while $JAX_COMPILATION_CACHE_MAX_SIZE is not set.
    """
    for file in folder.glob("*-cache"):
        used = file.with_name(f"{file.name.removesuffix('-cache')}-atime")
        if not used.exists():
            used.write_bytes(file.stat().st_mtime_ns.to_bytes(8, "little"))


def entry_of(used: Path) -> Path:
    """The entry whose last use the file says."""
    return used.with_name(f"{used.name.removesuffix('-atime')}-cache")


def processor() -> str:
    """A name for this kind of processor: a home folder may be shared by several, and a program fits only one."""
    lines = PROCESSOR.read_text().splitlines() if PROCESSOR.exists() else [platform.node()]
    kinds = ("model name", "flags", "Features", "CPU part")
    told = sorted({line for line in lines if line.startswith(kinds)}) or lines[:1]
    return hashlib.sha256("\n".join([platform.machine(), *told]).encode()).hexdigest()[:16]
