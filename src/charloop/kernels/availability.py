"""Whether a cell gets a kernel here, and if not, why not."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import jax

HEADER = Path("xla", "ffi", "api", "c_api.h")
SUPPORTED_MAJOR = 0
"""The major version whose layout `compiler` knows."""


class KernelError(RuntimeError):
    """A kernel could not be compiled; the cause says why. Whoever asks again tries again."""


@cache
def reason_against_kernel(cell: object) -> str | None:
    """Why XLA's loop runs `cell` and no kernel, in words; None if a kernel does."""
    if jax.default_backend() != "cpu":
        return f"kernels are for CPUs, and this is a {jax.default_backend()}"
    if find_spec("llvmlite") is None:
        return "llvmlite is not installed (pip install llvmlite)"
    if read_ffi_version()[0] != SUPPORTED_MAJOR:
        return f"this jaxlib's interface to kernels is of another kind ({read_ffi_version()}, not {SUPPORTED_MAJOR})"
    # Imported here: it traces, and most commands do not.
    from charloop.kernels.plan import reason_against_cell

    return reason_against_cell(cell)


@cache
def reason_against_bfloat16(cell: object) -> str | None:
    """Why products of bfloat16 numbers are not made for `cell` here, in words; None if they are."""
    if jax.default_backend() != "cpu":
        return None
    reason = reason_against_kernel(cell)
    if reason:
        return f"on a processor kernels make them, and {type(cell).__name__} has none: {reason}"
    # Imported here: LLVM.
    from charloop.kernels.machine import detect_machine

    return None if detect_machine().bfloat16 else "this processor has no instruction for them (avx512_bf16)"


@cache
def read_ffi_version() -> tuple[int, int]:
    """Major and minor, as the header that comes with jaxlib says; (-1, -1) where there is none."""
    try:
        text = (Path(jax.ffi.include_dir()) / HEADER).read_text(encoding="utf-8")
    except OSError:
        return -1, -1
    found = [re.search(rf"#define XLA_FFI_API_{name} (\d+)", text) for name in ("MAJOR", "MINOR")]
    major, minor = (int(match[1]) if match else -1 for match in found)
    return major, minor
