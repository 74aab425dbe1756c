"""A cell's tick, traced and compiled to vector code for this processor, together with its product."""

from charloop.kernels.choice import reason_against, reason_against_halves
from charloop.kernels.errors import KernelError

__all__ = ["KernelError", "reason_against", "reason_against_halves"]
