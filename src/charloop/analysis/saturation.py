"""How much of the time each unit's gates are shut, or wide open."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from charloop.trained import TrainedModel


@dataclass(frozen=True)
class Gate:
    """One gate of one layer, and the shares of time (0 to 1, together at most 1) that each unit's is saturated."""

    layer: int
    name: str
    """The block of the input matrix that it is made of: "forget", or "block 1" if the cell has no word for it."""
    left: Float[np.ndarray, " units"]
    """Below 0.1: shut."""
    right: Float[np.ndarray, " units"]
    """Above 0.9: open."""


def gate_saturation(network: TrainedModel, tokens: Integer[np.ndarray, " length"]) -> tuple[Gate, ...]:
    """The gates of every layer while the network reads `tokens`; () for a cell without any."""
    raise NotImplementedError
