"""Kernels: a cell's step and its products, compiled to vector instructions for this processor (docs/kernels.md)."""

from charloop.kernels.availability import KernelError, reason_against_bfloat16, reason_against_kernel

__all__ = ["KernelError", "reason_against_bfloat16", "reason_against_kernel"]
