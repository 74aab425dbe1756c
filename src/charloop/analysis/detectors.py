"""What a unit may track: a registry of marks on a text."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Detector:
    """Something that can be said of each character of a text."""

    name: str
    description: str
    """What `mark` is, in words: of a character that was just read."""
    mark: Callable[[str], Float[np.ndarray, " time"]]
    """For each character of a text 0 or 1, or a graded value."""


DETECTORS: dict[str, Detector] = {}
