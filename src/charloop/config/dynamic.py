"""The settings of dynamic evaluation."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from charloop.config.ranges import NonNegative, Positive
from charloop.conversion import check_fields
from charloop.errors import refusing_unknown


@refusing_unknown("setting of dynamic evaluation")
@dataclass(frozen=True)
class DynamicConfig:
    """How a network learns from the text that it reads. Raises CharloopError for a value out of range."""

    dynamic_rate: NonNegative = 0.3
    """Learning rate of dynamic evaluation, 0 or more."""
    dynamic_decay: NonNegative = 0.003
    """How fast the weights go back to the trained ones, 0 or more."""
    dynamic_epsilon: Positive = 0.01
    """Added to each weight's mean gradient before a step is divided by it, above 0; the mean of all is 1."""
    dynamic_clip: Positive = 4.0
    """The longest step, as a multiple of the usual one on the training text, above 0; longer ones are shortened."""
    dynamic_segment: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Characters that are predicted before the network learns from them, from 1 to 10,000."""
    dynamic_rows: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Parts of the text that are read side by side, from 1 to 1024: more are faster, and lower the loss less."""

    def __post_init__(self) -> None:
        check_fields(self)
