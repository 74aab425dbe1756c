"""The constraint that the whole text matches a regular expression."""

from dataclasses import InitVar, dataclass, field
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.constraints.automaton import UNREACHABLE, Automaton
from charloop.sampling.constraints.base import Constraint

States: TypeAlias = frozenset[int]
"""The states of the automaton that a text may be in."""


@dataclass(frozen=True, eq=False)
class Pattern(Constraint):
    """The text, without the prompt, matches `pattern` of Python's `re` as a whole; for bytes, a pattern of bytes.

    No text is begun that cannot be completed within the ids that remain. The text ends where the pattern lets nothing
    follow. Raises CharloopError for a pattern that does not compile, has look-around, back references, `\\b` or the
    like, or that no text of the vocabulary's symbols matches. `reader` (by default a new one of the vocabulary) reads
    the pattern.
    """

    pattern: str
    vocabulary: Vocabulary
    reader: InitVar[StringReader | None] = None
    _automaton: Automaton = field(init=False, repr=False)

    def __post_init__(self, reader: StringReader | None) -> None:
        object.__setattr__(self, "pattern", (reader or StringReader(self.vocabulary)).read(self.pattern))
        symbols = list(self.vocabulary.symbols) + [""] * (self.vocabulary.size - len(self.vocabulary.symbols))
        automaton = (
            Automaton(self.pattern, symbols)
            if self.vocabulary.unit == "char"
            else Automaton(self.pattern.encode(), [symbol.encode("latin-1") for symbol in symbols])
        )
        object.__setattr__(self, "_automaton", automaton)
        if automaton.needed[0] == UNREACHABLE:
            raise CharloopError(
                f"no text of the network's characters matches the pattern {self.pattern!r}",
                do="use characters of its training text",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name in error messages."""
        return f"the pattern {self.pattern!r}"

    def check(self, length: int) -> None:
        """Raise CharloopError if every text that matches is longer than `length`."""
        if (needed := self._automaton.needed[0]) > length:
            raise CharloopError(
                f"length of a text that matches {self.pattern!r}", got=length, allowed=f"{needed} or more"
            )

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> States:  # noqa: ARG002
        """Return the states at the start of the pattern; the prompt does not count."""
        return self._automaton.closure(0)

    def allowed(self, state: States, remaining: int) -> Bool[np.ndarray, " vocab"]:
        """Return the ids after which a match can be completed with the ids that remain."""
        automaton = self._automaton
        numbers = {
            n for s in state for n, target in automaton.edges[s] if automaton.needed[target] < remaining
        }
        allowed: Bool[np.ndarray, " vocab"] = np.any(automaton.classes[sorted(numbers)], axis=0)
        return allowed

    def after(self, state: States, index: int) -> States:
        """Return the states that the id leads to."""
        edges, classes = self._automaton.edges, self._automaton.classes
        targets = {target for s in state for number, target in edges[s] if classes[number, index]}
        return frozenset().union(*map(self._automaton.closure, targets))

    def may_end(self, state: States) -> bool:
        """Return whether the text matches."""
        return self._automaton.end in state

    def is_over(self, state: States, remaining: int) -> bool:
        """Return whether the text matches and nothing may follow that can be completed with the ids that remain."""
        needed = self._automaton.needed
        return self.may_end(state) and not any(
            needed[target] < remaining for s in state for _, target in self._automaton.edges[s]
        )
