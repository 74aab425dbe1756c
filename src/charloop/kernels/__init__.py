"""A cell's tick, traced and compiled to vector code for this processor, together with its product."""

from charloop.kernels.availability import KernelError, reason_against_bfloat16, reason_against_kernel

__all__ = ["KernelError", "reason_against_bfloat16", "reason_against_kernel"]
