"""The whole of what is written matches a regular expression."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling.constraints.automaton import UNREACHABLE, Automaton
from charloop.sampling.constraints.base import Constraint

States: TypeAlias = frozenset[int]
"""Where in the pattern a text may be."""


@dataclass(frozen=True, eq=False)
class Pattern(Constraint):
    """All that is written, without the prompt, matches `pattern`: Python's `re`, or for bytes a pattern of bytes.

    A way that cannot be finished in the room there is is not begun. The text goes on as long as the pattern allows:
    it ends where nothing may follow that has room. Raises CharloopError for a pattern that does not compile,
    has look-around, back references, `\\b` or the like, or that no text of the vocabulary's symbols matches.
    """

    pattern: str
    vocabulary: Vocabulary
    _automaton: Automaton = field(init=False, repr=False)

    def __post_init__(self) -> None:
        symbols = list(self.vocabulary.symbols) + [""] * (self.vocabulary.size - len(self.vocabulary.symbols))
        made = (
            Automaton(self.pattern, symbols)
            if self.vocabulary.unit == "char"
            else Automaton(self.pattern.encode(), [symbol.encode("latin-1") for symbol in symbols])
        )
        object.__setattr__(self, "_automaton", made)
        if made.needed[0] == UNREACHABLE:
            raise CharloopError(
                f"no text of the network's characters matches the pattern {self.pattern!r}",
                do="use characters of its training text",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Said in a refusal."""
        return f"the pattern {self.pattern!r}"

    def check(self, length: int) -> None:
        """Raises CharloopError if every text that matches is longer than `length`."""
        if (needed := self._automaton.needed[0]) > length:
            raise CharloopError(
                f"length of a text that matches {self.pattern!r}", got=length, allowed=f"{needed} or more"
            )

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> States:  # noqa: ARG002
        """The beginning of the pattern, whatever the prompt."""
        return self._automaton.closure(0)

    def allowed(self, state: States, room: int) -> Bool[np.ndarray, " vocab"]:
        """What leads to where the rest of the room suffices."""
        automaton = self._automaton
        numbers = {n for s in state for n, target in automaton.edges[s] if automaton.needed[target] < room}
        allowed: Bool[np.ndarray, " vocab"] = np.any(automaton.classes[sorted(numbers)], axis=0)
        return allowed

    def after(self, state: States, index: int) -> States:
        """All places where a text may be that was in `state`."""
        edges, classes = self._automaton.edges, self._automaton.classes
        targets = {target for s in state for number, target in edges[s] if classes[number, index]}
        return frozenset().union(*map(self._automaton.closure, targets))

    def may_end(self, state: States) -> bool:
        """Whether what is written matches."""
        return self._automaton.end in state

    def is_over(self, state: States, room: int) -> bool:
        """Whether it matches, and nothing may follow that can be finished in the room."""
        needed = self._automaton.needed
        return self.may_end(state) and not any(
            needed[target] < room for s in state for _, target in self._automaton.edges[s]
        )
