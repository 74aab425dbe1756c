"""A cell's tick, traced and compiled to vector code for this processor, together with its product."""

from charloop.kernels.background import compiled_in_background
from charloop.kernels.choice import reason_against, reason_against_halves

__all__ = ["compiled_in_background", "reason_against", "reason_against_halves"]
