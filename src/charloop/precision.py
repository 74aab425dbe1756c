"""How exactly large products are made: of float32 numbers, or of bfloat16 numbers whose sums are float32.

JAX carries the choice from a program's beginning to every product in it, through gradients too, and compiles anew for
another. On a GPU XLA makes such products; on a CPU, kernels do.
"""

from contextlib import AbstractContextManager

import jax

PRECISIONS = ("float32", "bfloat16")
BFLOAT16_PRODUCTS = "BF16_BF16_F32"
"""JAX's name for products of bfloat16 numbers, summed up in float32."""


def use_precision(precision: str) -> AbstractContextManager[None]:
    """Within it, products are made in `precision`, one of `PRECISIONS`; float32 is as JAX is set."""
    chosen = (
        BFLOAT16_PRODUCTS if precision == "bfloat16" else jax.config.values["jax_default_matmul_precision"]
    )
    context: AbstractContextManager[None] = jax.default_matmul_precision(chosen)
    return context


def is_bfloat16() -> bool:
    """Whether a product made now is of bfloat16 numbers."""
    return bool(jax.config.values["jax_default_matmul_precision"] == BFLOAT16_PRODUCTS)
