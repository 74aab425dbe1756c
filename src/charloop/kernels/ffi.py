"""XLA's interface to custom calls: which version the installed jaxlib speaks, and how we call."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax

from charloop.errors import CharloopError

HEADER = Path("xla", "ffi", "api", "c_api.h")
SPOKEN = 0
"""The major version whose layout `compiler` knows."""


def xla_call(name: str, results: Any, **options: Any) -> Callable[..., Any]:
    """A call of the registered function `name` that gives `results`.

    A kernel's sizes are constants: several networks under `vmap` take turns. A gradient of a gradient is refused.
    """

    called = jax.custom_jvp(jax.ffi.ffi_call(name, results, vmap_method="sequential", **options))
    called.defjvp(_refuse)
    return called


def _refuse(*_: Any) -> Any:
    raise CharloopError(
        "a gradient of what kernels made a gradient of", do='build the layer or the model with unroll="scan"'
    )


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
