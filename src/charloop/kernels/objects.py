"""Machine code of kernels, kept where JAX keeps its compiled programs: LLVM's work is most of a kernel's price."""

import hashlib
import os
import tempfile
from pathlib import Path

import jax

DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """JAX's cache of programs, if there is one and it is a folder here."""
    place = jax.config.values["jax_compilation_cache_dir"]
    if not place or not jax.config.values["jax_enable_compilation_cache"] or not Path(place).is_dir():
        return None
    return Path(place)


def file_of(place: Path, name: str) -> Path:
    """Named as JAX's own entries, so that they are forgotten together."""
    return place / f"{name}-cache"


def load(name: str) -> bytes | None:
    """What was kept under that name, whole; else nothing."""
    place = folder()
    try:
        content = file_of(place, name).read_bytes() if place else b""
    except OSError:
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if code and hashlib.sha256(code).digest() == digest else None


def keep(name: str, code: bytes) -> None:
    """For the next process; where nothing can be written, nothing is."""
    place = folder()
    if place is None:
        return
    try:
        # A name like the others', so that what a full disk leaves behind is forgotten too.
        with tempfile.NamedTemporaryFile(dir=place, suffix="-cache", delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(file.name, file_of(place, name))
    except OSError:
        return
