"""The constraints on copies: no sequence of N ids twice, and no long one from the training text."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.errors import CharloopError
from charloop.originality import SuffixIndex
from charloop.sampling.constraints.base import Constraint

Recent: TypeAlias = tuple[int, ...]
"""The last ids of prompt and text, no more than the longest copy that is allowed."""


@dataclass(frozen=True, eq=False)
class NoRepeat(Constraint):
    """Never write a sequence of `size` ids that prompt and text already contain.

    This is `no_repeat_ngram_size` of Hugging Face's transformers, except that the writer goes back from a dead end.
    The state is the whole text, a character for each id: Python finds strings faster than arrays. Raises
    CharloopError for `size` below 1.
    """

    size: int
    vocab: int
    """The number of ids."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise CharloopError("no-repeat", got=self.size, allowed="1 or more")

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name in error messages."""
        return f"no-repeat {self.size}"

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> str:
        """Return the prompt."""
        return "".join(map(chr, prompt.tolist()))

    def allowed(self, state: str, remaining: int) -> Bool[np.ndarray, " vocab"]:  # noqa: ARG002
        """Return all ids but those that came after the last `size` - 1 ids before."""
        allowed = np.ones(self.vocab, bool)
        if len(state) < self.size:
            return allowed
        recent = state[len(state) - self.size + 1 :]
        start = state.find(recent)
        while 0 <= start <= len(state) - self.size:
            allowed[ord(state[start + self.size - 1])] = False
            start = state.find(recent, start + 1)
        return allowed

    def after(self, state: str, index: int) -> str:
        """Return the text with `index`."""
        return state + chr(index)


@dataclass(frozen=True, eq=False)
class Novel(Constraint):
    """Never write more than `longest` consecutive ids that occur verbatim in the text of `index`.

    A copy may begin in the prompt: an id that makes it too long is refused. Copies wholly within the prompt are
    ignored. Raises CharloopError for `longest` below 1.
    """

    index: SuffixIndex
    longest: int
    vocab: int
    """The number of ids."""

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise CharloopError("novel", got=self.longest, allowed="1 or more")

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name in error messages."""
        return f"novel {self.longest}"

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Recent:
        """Return the last ids of the prompt."""
        return tuple(prompt[-self.longest :].tolist())

    def allowed(self, state: Recent, remaining: int) -> Bool[np.ndarray, " vocab"]:  # noqa: ARG002
        """Return all ids but those that follow the last `longest` ids anywhere in the training text."""
        allowed = np.ones(self.vocab, bool)
        if len(state) == self.longest:
            allowed[self.index.followers(np.array(state))] = False
        return allowed

    def after(self, state: Recent, index: int) -> Recent:
        """Return the last ids with `index`."""
        return (*state, index)[-self.longest :]
