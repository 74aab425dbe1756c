"""What may be written: rules that are asked before each id is chosen. NumPy only."""

from charloop.sampling.constraints.base import Constraint
from charloop.sampling.constraints.novel import Novel
from charloop.sampling.constraints.pattern import Pattern
from charloop.sampling.constraints.words import Words

__all__ = ["Constraint", "Novel", "Pattern", "Words"]
