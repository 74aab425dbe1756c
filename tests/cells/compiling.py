"""XLA options for quick compilation: the tests compile hundreds of tiny programs that run once or twice."""

from functools import cache

import jax

QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""Together they take a quarter of the time; the programs still go through all of XLA's passes."""


def accepted(name: str, value: object) -> bool:
    """Return whether this version of XLA knows the option."""
    try:
        jax.jit(lambda x: x + 1, compiler_options={name: value})(1)
    except Exception:
        return False
    return True


@cache
def quick_options() -> dict[str, object]:
    return {name: value for name, value in QUICK.items() if accepted(name, value)}


def quick_jit(function, **how):
    return jax.jit(function, compiler_options=quick_options(), **how)
