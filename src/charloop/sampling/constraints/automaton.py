"""A regular expression as an automaton over the symbols of a vocabulary.

It is Thompson's construction (1968) on the tree of `regex_syntax`; Python's `re` says which symbols an atom matches.
The states are followed as sets, so that their number grows with the length of the pattern only. For each state it
is known how many symbols are needed to complete a match.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, AnyStr, TypeAlias

import numpy as np
from jaxtyping import Bool

from charloop.sampling.constraints import regex_syntax as syntax

MAX_STATES = 100_000
"""The most states: about the characters of the pattern with all repeats written out."""
UNREACHABLE = 2**62
"""The number of symbols to the end where no symbols lead there."""
Edge: TypeAlias = tuple[int, int]
"""The number of a class of symbols, and the state that they lead to."""


class Automaton:
    """States 0 (the start), 1, ...; `end` is the state of a complete match.

    `symbols` are what the network writes, of the pattern's type; empty ones match nothing. Raises CharloopError
    for a pattern that does not compile, is not a regular expression in the strict sense, or is too large.
    """

    def __init__(self, pattern: AnyStr, symbols: Sequence[AnyStr]) -> None:
        self._pattern: str | bytes = pattern
        self._symbols: Sequence[Any] = symbols
        self._numbers: dict[syntax.Atom, int] = {}
        self._classes: list[Bool[np.ndarray, " symbols"]] = []
        self.edges: list[list[Edge]] = [[]]
        self._free: list[list[int]] = [[]]
        try:
            self.end = self._add(syntax.parse_regex(pattern), 0)
        except RecursionError:
            raise syntax.pattern_error(
                pattern, "is nested too deeply", "write it with fewer groups"
            ) from None
        self.classes = np.array(self._classes, bool).reshape(-1, len(symbols))
        self.needed = self._distances()

    def closure(self, state: int) -> frozenset[int]:
        """Return the states that `state` leads to without a symbol, itself included, if they lead to the end."""
        found, todo = {state}, [state]
        while todo:
            fresh = [target for target in self._free[todo.pop()] if target not in found]
            found.update(fresh)
            todo += fresh
        return frozenset(s for s in found if self.needed[s] < UNREACHABLE)

    def _state(self) -> int:
        if len(self.edges) > MAX_STATES:
            raise syntax.pattern_error(self._pattern, f"has more than {MAX_STATES:,} states", "repeat less")
        self.edges.append([])
        self._free.append([])
        return len(self.edges) - 1

    def _add(self, node: syntax.Node, at: int) -> int:
        """Add `node` after state `at`; return the state after it."""
        if isinstance(node, syntax.Atom):
            target = self._state()
            self.edges[at].append((self._class(node), target))
            return target
        if isinstance(node, tuple):
            for item in node:
                at = self._add(item, at)
            return at
        if isinstance(node, syntax.Repeat):
            return self._add_repeat(node, at)
        end = self._state()
        for option in node.options:
            start = self._state()
            self._free[at].append(start)
            self._free[self._add(option, start)].append(end)
        return end

    def _add_repeat(self, node: syntax.Repeat, at: int) -> int:
        for _ in range(node.least):
            before = len(self.edges)
            at = self._add(node.item, at)
            if len(self.edges) == before:
                break
        end = self._state()
        self._free[at].append(end)
        if node.most is None:
            self._free[self._add(node.item, end)].append(end)
            # What follows must not lead back into the loop.
            after = self._state()
            self._free[end].append(after)
            return after
        for _ in range(node.most - node.least):
            before = len(self.edges)
            at = self._add(node.item, at)
            if len(self.edges) == before:
                break
            self._free[at].append(end)
        return end

    def _class(self, atom: syntax.Atom) -> int:
        """Return the number of the class of symbols that `atom` matches."""
        if atom not in self._numbers:
            source = atom.source if isinstance(self._pattern, str) else atom.source.encode("latin-1")
            matches: Callable[[Any], object] = syntax.compile_quietly(source, atom.flags).fullmatch
            self._numbers[atom] = len(self._classes)
            self._classes.append(np.array([bool(symbol and matches(symbol)) for symbol in self._symbols]))
        return self._numbers[atom]

    def _distances(self) -> list[int]:
        """Return for each state the number of symbols to the end, by going backwards from there."""
        into: list[list[tuple[int, int]]] = [[] for _ in self.edges]
        matched: list[bool] = np.any(self.classes, axis=-1).tolist()
        for state, (edges, free) in enumerate(zip(self.edges, self._free, strict=True)):
            for number, target in edges:
                if matched[number]:
                    into[target].append((state, 1))
            for target in free:
                into[target].append((state, 0))
        needed = [UNREACHABLE] * len(self.edges)
        needed[self.end], todo = 0, deque([self.end])
        while todo:
            target = todo.popleft()
            for state, cost in into[target]:
                if needed[target] + cost < needed[state]:
                    needed[state] = needed[target] + cost
                    (todo.append if cost else todo.appendleft)(state)
        return needed
