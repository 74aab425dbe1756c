"""Nothing is copied from the training text beyond a few characters."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.errors import CharloopError
from charloop.originality import SuffixIndex
from charloop.sampling.constraints.base import Constraint

Recent: TypeAlias = tuple[int, ...]
"""The last ids of prompt and text, as many as may be copied."""


@dataclass(frozen=True, eq=False)
class Novel(Constraint):
    """Never more than `longest` consecutive ids that stand verbatim in the text of `index`.

    The prompt counts: an id that goes on with a copy which began there is refused too. What the prompt copies within
    itself is the prompt's own. Raises CharloopError for `longest` below 1.
    """

    index: SuffixIndex
    longest: int
    vocab: int
    """How many ids there are."""

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise CharloopError("novel", got=self.longest, allowed="1 or more")

    @property
    def name(self) -> str:  # type: ignore[override]
        """Said in a refusal."""
        return f"novel {self.longest}"

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Recent:
        """The prompt's last ids."""
        return tuple(prompt[-self.longest :].tolist())

    def allowed(self, state: Recent, room: int) -> Bool[np.ndarray, " vocab"]:  # noqa: ARG002
        """All, but what comes after the recent ids anywhere in the training text, once there are so many."""
        allowed = np.ones(self.vocab, bool)
        if len(state) == self.longest:
            allowed[self.index.followers(np.array(state))] = False
        return allowed

    def after(self, state: Recent, index: int) -> Recent:
        """The ids move on by one."""
        return (*state, index)[-self.longest :]
