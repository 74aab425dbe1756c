"""The contract of a rule about what may be written."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Bool, Integer


class Constraint(ABC):
    """A rule that says of each id whether it may come next.

    How far a text has come is a state, any value that is never changed: the writer keeps it, and goes back to it.
    An id is a character, or a byte for a network of bytes.
    """

    name: str = "a constraint"
    """What a refusal calls it."""

    def check(self, length: int) -> None:  # noqa: B027
        """Raises CharloopError if no text of at most `length` ids can keep to it, where that is known at once."""

    @abstractmethod
    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Any:
        """The state before the first id is written; `prompt` may be empty."""

    @abstractmethod
    def allowed(self, state: Any, room: int) -> Bool[np.ndarray, " vocab"]:
        """Which ids may come next, a new array; `room` (at least 1) may still be written, this one included."""

    @abstractmethod
    def after(self, state: Any, index: int) -> Any:
        """The state after an id that is allowed in `state`."""

    def may_end(self, state: Any) -> bool:  # noqa: ARG002
        """Whether the text may end here; if not, what led here is taken back."""
        return True

    def is_over(self, state: Any, room: int) -> bool:  # noqa: ARG002
        """Whether the text is complete, so that it ends here though `room` (0 or more) is left."""
        return False
