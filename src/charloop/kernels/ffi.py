"""XLA's interface to custom calls: which version the installed jaxlib speaks, and how we call."""

import re
from functools import cache, partial
from pathlib import Path

import jax

HEADER = Path("xla", "ffi", "api", "c_api.h")
SPOKEN = 0
"""The major version whose layout `compiler` knows."""

xla_call = partial(jax.ffi.ffi_call, vmap_method="sequential")
"""A kernel's sizes are constants: several networks under `vmap` take turns."""


@cache
def ffi_version() -> tuple[int, int]:
    """Major and minor, as the header that comes with jaxlib says; (-1, -1) where there is none."""
    try:
        text = (Path(jax.ffi.include_dir()) / HEADER).read_text(encoding="utf-8")
    except OSError:
        return -1, -1
    found = [re.search(rf"#define XLA_FFI_API_{name} (\d+)", text) for name in ("MAJOR", "MINOR")]
    major, minor = (int(match[1]) if match else -1 for match in found)
    return major, minor
