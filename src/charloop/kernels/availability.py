"""Whether a cell gets a kernel here, and if not, why; without importing LLVM."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import jax

HEADER = Path("xla", "ffi", "api", "c_api.h")
SUPPORTED_MAJOR = 0
"""The major version of XLA's FFI whose memory layout `compiler` knows."""


class KernelError(RuntimeError):
    """A kernel could not be compiled; its cause says why. The next request tries again."""


@cache
def reason_against_kernel(cell: object) -> str | None:
    """Return why XLA's loop runs `cell` instead of a kernel, in words; None if a kernel runs it."""
    if jax.default_backend() != "cpu":
        return f"kernels run on CPUs only, and JAX uses a {jax.default_backend()}"
    if find_spec("llvmlite") is None:
        return "llvmlite is not installed (pip install llvmlite)"
    if read_ffi_version()[0] != SUPPORTED_MAJOR:
        return (
            f"jaxlib's FFI has version {read_ffi_version()}, and kernels need major version {SUPPORTED_MAJOR}"
        )
    # Imported late: tracing is slow to import, and most commands do not need it.
    from charloop.kernels.plan import reason_against_cell

    return reason_against_cell(cell)


@cache
def reason_against_bfloat16(cell: object) -> str | None:
    """Return why `cell` has no bfloat16 products here, in words; None if it has."""
    if jax.default_backend() != "cpu":
        return None
    reason = reason_against_kernel(cell)
    if reason:
        return f"on a CPU only kernels compute bfloat16 products, and {type(cell).__name__} has no kernel: {reason}"
    # Imported late, because it loads LLVM.
    from charloop.kernels.machine import detect_machine

    return None if detect_machine().bfloat16 else "this processor has no bfloat16 instructions (avx512_bf16)"


@cache
def read_ffi_version() -> tuple[int, int]:
    """Return the major and minor version in jaxlib's own header; (-1, -1) if there is none."""
    try:
        text = (Path(jax.ffi.include_dir()) / HEADER).read_text(encoding="utf-8")
    except OSError:
        return -1, -1
    found = [re.search(rf"#define XLA_FFI_API_{name} (\d+)", text) for name in ("MAJOR", "MINOR")]
    major, minor = (int(match[1]) if match else -1 for match in found)
    return major, minor
