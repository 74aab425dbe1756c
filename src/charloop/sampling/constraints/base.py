"""The contract of a constraint."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Bool, Integer


class Constraint(ABC):
    """A rule that says for each id whether it may come next.

    How far a text has come is a state: any value that is never changed, since the writer keeps states to go back to.
    An id is a character, or a byte for a network of bytes.
    """

    name: str = "a constraint"
    """Its name in error messages."""

    def check(self, length: int) -> None:  # noqa: B027
        """Raise CharloopError if it is already clear that no text of at most `length` ids satisfies the rule."""

    @abstractmethod
    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Any:
        """Return the state before the first id is written; `prompt` may be empty."""

    @abstractmethod
    def allowed(self, state: Any, remaining: int) -> Bool[np.ndarray, " vocab"]:
        """Return which ids may come next, as a new array.

        `remaining` (at least 1) is the number of ids that may still be written, this one included.
        """

    @abstractmethod
    def after(self, state: Any, index: int) -> Any:
        """Return the state after the id `index`, which is allowed in `state`."""

    def may_end(self, state: Any) -> bool:  # noqa: ARG002
        """Return whether the text may end here; if it may not, the writer goes back."""
        return True

    def is_over(self, state: Any, remaining: int) -> bool:  # noqa: ARG002
        """Return whether the text is complete and ends here, although `remaining` (0 or more) is left."""
        return False
