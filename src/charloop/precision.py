"""The precision of large products: float32, or bfloat16 with float32 sums.

JAX applies the choice to every product in a program, through gradients too, and compiles a separate program for each.
XLA computes such products on a GPU, kernels on a CPU.
"""

from contextlib import AbstractContextManager

import jax

BFLOAT16_PRODUCTS = "BF16_BF16_F32"
"""JAX's name for products of bfloat16 numbers with float32 sums."""


def use_precision(precision: str) -> AbstractContextManager[None]:
    """Within this context, products are in `precision`: bfloat16, or float32, which keeps JAX's own setting."""
    chosen = (
        BFLOAT16_PRODUCTS if precision == "bfloat16" else jax.config.values["jax_default_matmul_precision"]
    )
    context: AbstractContextManager[None] = jax.default_matmul_precision(chosen)
    return context


def is_bfloat16() -> bool:
    """Return whether a product traced now is in bfloat16."""
    return bool(jax.config.values["jax_default_matmul_precision"] == BFLOAT16_PRODUCTS)
