"""A regular expression as an automaton over a network's own symbols.

Python's own parser reads the pattern, and Python's own `re` says which symbols an atom of it stands for. From that
comes Thompson's automaton (1968), whose states are followed as sets: as many as the pattern is long, whatever it is.
For each is known how many symbols are still needed to the end.
"""

import re
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, AnyStr, TypeAlias

import numpy as np
from jaxtyping import Bool

from charloop.errors import CharloopError

LARGEST = 100_000
"""States of the automaton of a pattern that is allowed: about the characters it has with all repeats written out."""
UNREACHABLE = 2**62
"""Symbols that are needed where no symbols lead to the end."""
CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
REFUSED = {
    op.AT: "^, $ or \\b inside",
    op.ASSERT: "a look-around",
    op.ASSERT_NOT: "a look-around",
    op.GROUPREF: "a back reference",
    op.GROUPREF_EXISTS: "a conditional",
    op.ATOMIC_GROUP: "an atomic group",
    op.POSSESSIVE_REPEAT: "a possessive repeat",
}
Items: TypeAlias = Any
"""What the parser makes of a sequence: pairs of an operation and what it is done to."""
Edge: TypeAlias = tuple[int, int]
"""Which class of symbols leads on, and to which state."""


class Automaton:
    """States 0 (the start), 1, ...; `end` is the last of a whole match.

    `symbols` are what the network writes, of the pattern's own type; empty ones match nothing. Raises CharloopError
    for a pattern that does not compile, is no regular expression in the strict sense, or is too large.
    """

    def __init__(self, pattern: AnyStr, symbols: Sequence[AnyStr]) -> None:
        self._pattern: str | bytes = pattern
        self._symbols: Sequence[Any] = symbols
        self._numbers: dict[tuple[str, int], int] = {}
        self._classes: list[Bool[np.ndarray, " symbols"]] = []
        self.edges: list[list[Edge]] = [[]]
        self._free: list[list[int]] = [[]]
        self.end = self._build()
        self.classes = np.array(self._classes, bool).reshape(-1, len(symbols))
        self.needed = self._distances()

    def closure(self, state: int) -> frozenset[int]:
        """`state` and all that it leads to without a symbol, of those from which there is a way to the end."""
        found, todo = {state}, [state]
        while todo:
            fresh = [target for target in self._free[todo.pop()] if target not in found]
            found.update(fresh)
            todo += fresh
        return frozenset(s for s in found if self.needed[s] < UNREACHABLE)

    def _build(self) -> int:
        try:
            with warnings.catch_warnings():
                # Of what a later Python may read in another way.
                warnings.simplefilter("ignore")
                re.compile(self._pattern)
                tree = parser.parse(self._pattern)
                return self._sequence(trimmed(tree), int(tree.state.flags), 0)
        except (re.error, RecursionError, OverflowError) as error:
            raise self._refusal(f"does not compile ({error})", "write it as for Python's re") from None

    def _refusal(self, why: str, do: str) -> CharloopError:
        shown = self._pattern if isinstance(self._pattern, str) else self._pattern.decode(errors="replace")
        return CharloopError(f"the pattern {shown!r} {why}", do=do)

    def _state(self) -> int:
        if len(self.edges) > LARGEST:
            raise self._refusal(f"has more than {LARGEST:,} places", "repeat less")
        self.edges.append([])
        self._free.append([])
        return len(self.edges) - 1

    def _sequence(self, items: Items, flags: int, at: int) -> int:
        """Add `items` from state `at` on; the state behind them."""
        for kind, value in items:
            at = self._item(kind, value, flags, at)
        return at

    def _item(self, kind: Any, value: Any, flags: int, at: int) -> int:
        if kind in REFUSED:
            raise self._refusal(f"has {REFUSED[kind]}", "it matches the whole text; write it without")
        if kind is op.BRANCH:
            return self._branch(value[1], flags, at)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, items = value
            return self._repeat(least, most, items, flags, at)
        if kind is op.SUBPATTERN:
            _, added, removed, items = value
            return self._sequence(items, (flags | added) & ~removed, at)
        target = self._state()
        self.edges[at].append((self._class(source_of(kind, value), flags), target))
        return target

    def _branch(self, branches: Sequence[Items], flags: int, at: int) -> int:
        end = self._state()
        for items in branches:
            start = self._state()
            self._free[at].append(start)
            self._free[self._sequence(items, flags, start)].append(end)
        return end

    def _repeat(self, least: int, most: int, items: Items, flags: int, at: int) -> int:
        for _ in range(least):
            before = len(self.edges)
            at = self._sequence(items, flags, at)
            if len(self.edges) == before:
                break
        end = self._state()
        self._free[at].append(end)
        if most is op.MAXREPEAT:
            self._free[self._sequence(items, flags, end)].append(end)
            # Not to be entered again by what comes behind: a repeat's start is its own.
            behind = self._state()
            self._free[end].append(behind)
            return behind
        for _ in range(most - least):
            before = len(self.edges)
            at = self._sequence(items, flags, at)
            if len(self.edges) == before:
                break
            self._free[at].append(end)
        return end

    def _class(self, source: str, flags: int) -> int:
        """The number of the class of symbols that an atom stands for."""
        key = (source, flags & (re.IGNORECASE | re.DOTALL | re.ASCII))
        if key not in self._numbers:
            matches: Callable[[Any], bool] = matcher(source, key[1], self._pattern)
            self._numbers[key] = len(self._classes)
            self._classes.append(np.array([bool(symbol) and matches(symbol) for symbol in self._symbols]))
        return self._numbers[key]

    def _distances(self) -> list[int]:
        """Symbols needed from each state to the end, by going from there backwards."""
        into: list[list[tuple[int, int]]] = [[] for _ in self.edges]
        for state, target, cost in self._steps():
            into[target].append((state, cost))
        needed = [UNREACHABLE] * len(self.edges)
        needed[self.end], todo = 0, deque([self.end])
        while todo:
            target = todo.popleft()
            for state, cost in into[target]:
                if needed[target] + cost < needed[state]:
                    needed[state] = needed[target] + cost
                    (todo.append if cost else todo.appendleft)(state)
        return needed

    def _steps(self) -> Iterator[tuple[int, int, int]]:
        """From state, to state, at the cost of so many symbols."""
        some: list[bool] = np.any(self.classes, axis=-1).tolist()
        for state, (edges, free) in enumerate(zip(self.edges, self._free, strict=True)):
            yield from ((state, target, 1) for number, target in edges if some[number])
            yield from ((state, target, 0) for target in free)


def trimmed(items: Items) -> Items:
    """A whole pattern without ^ and $ around it: it matches all of a text anyway."""
    found = list(items)
    if found and found[0][0] is op.AT and found[0][1] in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        found = found[1:]
    if found and found[-1][0] is op.AT and found[-1][1] in (op.AT_END, op.AT_END_STRING):
        found = found[:-1]
    return found


def source_of(kind: Any, value: Any) -> str:
    """An atom of a parsed pattern, written as a pattern again."""
    if kind is op.ANY:
        return "."
    parts = value if kind is op.IN else [(kind, value)]
    negated = bool(parts) and parts[0][0] in (op.NEGATE, op.NOT_LITERAL)
    return f"[{'^' if negated else ''}{''.join(part_of(*part) for part in parts)}]"


def part_of(kind: Any, value: Any) -> str:
    """A part of a set of characters."""
    if kind is op.NEGATE:
        return ""
    if kind is op.CATEGORY:
        return CATEGORIES[value]
    return "-".join(f"\\U{code:08x}" for code in (value if kind is op.RANGE else (value,)))


def matcher(source: str, flags: int, pattern: AnyStr) -> Callable[[AnyStr], bool]:
    """Whether a symbol is one that `source` stands for, in a pattern of the type of `pattern`."""
    if isinstance(pattern, str):
        compiled = re.compile(source, flags)
        return lambda symbol: compiled.fullmatch(symbol) is not None
    # Of bytes there is no \U: all of their codes have two digits.
    octets = re.compile(re.sub(r"\\U000000", r"\\x", source).encode(), flags)
    return lambda symbol: octets.fullmatch(symbol) is not None
