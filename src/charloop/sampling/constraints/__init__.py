"""Constraints: rules about what may be written, asked before each id is chosen. Only `backtracking` needs jax."""

from charloop.sampling.constraints.base import Constraint
from charloop.sampling.constraints.copies import NoRepeat, Novel
from charloop.sampling.constraints.pattern import Pattern
from charloop.sampling.constraints.words import Words

__all__ = ["Constraint", "NoRepeat", "Novel", "Pattern", "Words"]
