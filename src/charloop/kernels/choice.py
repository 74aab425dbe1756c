"""Whether a cell gets a kernel here, and if not, why not."""

from functools import cache
from importlib.util import find_spec

import jax

from charloop.kernels.ffi import SPOKEN, ffi_version


@cache
def reason_against(cell: object) -> str | None:
    """Why XLA's loop runs `cell` and no kernel, in words; None if a kernel does."""
    if jax.default_backend() != "cpu":
        return f"kernels are for CPUs, and this is a {jax.default_backend()}"
    if find_spec("llvmlite") is None:
        return "llvmlite is not installed (pip install llvmlite)"
    if ffi_version()[0] != SPOKEN:
        return f"this jaxlib's interface to kernels is of another kind ({ffi_version()}, not {SPOKEN})"
    # Imported here: it traces, and most commands do not.
    from charloop.kernels.plan import why_not

    return why_not(cell)
