"""How far back a network remembers: what an earlier input still does to a prediction."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from charloop.trained import TrainedModel


@dataclass(frozen=True)
class Reach:
    """How strongly a prediction depends on what was read before."""

    gradient: Float[np.ndarray, " distance"]
    """Mean norm of the gradient of ln p(next) by the input vector read k characters before the last; k = 0, 1, ..."""


def memory_reach(
    network: TrainedModel,
    tokens: Integer[np.ndarray, " length"],
    distance: int = 100,
    predictions: int = 256,
) -> Reach:
    """The reach over `distance` characters, as a mean over about so many `predictions` from all over the text."""
    raise NotImplementedError
