"""A cell's tick, traced and compiled to vector code for this processor, together with its product."""

from charloop.kernels.availability import reason_against_bfloat16, reason_against_kernel
from charloop.kernels.errors import KernelError

__all__ = ["KernelError", "reason_against_bfloat16", "reason_against_kernel"]
