"""The constraint that allows only words of a list; the characters between them are free."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.data import Vocabulary
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.constraints.base import Constraint

MAX_TREE_NODES = 3_000_000
"""The most nodes in the tree of a list: about three times the characters of its words, minus shared beginnings."""
MAX_PROMPT_WORD = 1000
"""Ids at the end of a prompt that are searched for the start of its last word."""
BETWEEN, FOREIGN = 0, -1
"""Two nodes: the root, between two words; and within a word that the prompt began and that may end anywhere."""
Nodes: TypeAlias = frozenset[int]
"""All nodes that a text may be at: an apostrophe may belong to a word or follow it."""


@dataclass(frozen=True, eq=False)
class Words(Constraint):
    """Every letter belongs to a word of the list, and every word is complete.

    A word is written as the list spells it; a lower-case word also capitalised or in capitals, as spelling checkers
    accept it. A word may contain other characters (don't). A word that the prompt began may end as it is, or
    continue as a word of the list.
    """

    children: tuple[dict[int, int], ...]
    """For each node of the tree of words, the node that each id leads to."""
    needed: tuple[int, ...]
    """For each node, the number of ids to the nearest end of a word; 0: a word ends here."""
    letters: Bool[np.ndarray, " vocab"]
    name = "the list of words"

    @classmethod
    def of(cls, words: Iterable[str], vocabulary: Vocabulary, reader: StringReader | None = None) -> "Words":
        """Make the constraint for the list `words`, which `reader` (by default a new one of `vocabulary`) reads.

        Raises CharloopError if the list is empty, too long, or has characters that the vocabulary lacks.
        """
        if vocabulary.unit == "byte":
            raise CharloopError(
                "a list of words",
                got="a network of bytes",
                allowed="a network of characters",
                do="use a pattern (--regex)",
            )
        reader = reader or StringReader(vocabulary)
        spelled = sorted(set(map(reader.read, words)) - {""})
        if not spelled:
            raise CharloopError("the list of words is empty", do="give at least one word")
        _check_known(spelled, vocabulary)
        known = frozenset(vocabulary.symbols)
        forms = {form for word in spelled for form in _spell_forms(word) if known.issuperset(form)}
        children, needed = _make_tree([vocabulary.encode(form).tolist() for form in sorted(forms)])
        letters = np.zeros(vocabulary.size, bool)
        # A combining accent is a part of its letter.
        letters[: len(vocabulary.symbols)] = [
            s.isalpha() or unicodedata.combining(s) > 0 for s in vocabulary.symbols
        ]
        return cls(tuple(children), tuple(needed), letters)

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Nodes:
        """Return the nodes after the last word of the prompt, if the list has a word that begins so."""
        state = frozenset({BETWEEN})
        for index in prompt[-MAX_PROMPT_WORD:].tolist():
            state = self.after(state, index) or frozenset({FOREIGN if self.letters[index] else BETWEEN})
        return state if self.may_end(state) else state | {FOREIGN}

    def allowed(self, state: Nodes, remaining: int) -> Bool[np.ndarray, " vocab"]:
        """Return what continues a word that can still be completed, and all but letters where a word may end."""
        allowed = ~self.letters if self.may_end(state) else np.zeros_like(self.letters)
        branches = (self.children[node].items() for node in state if node != FOREIGN)
        fitting = [i for branch in branches for i, node in branch if self.needed[node] < remaining]
        allowed[fitting] = True
        return allowed

    def after(self, state: Nodes, index: int) -> Nodes:
        """Return the nodes at which the word continues or has ended."""
        found = {self.children[node].get(index, FOREIGN) for node in state if node != FOREIGN} - {FOREIGN}
        ends = not self.letters[index] and self.may_end(state)
        return frozenset(found | {BETWEEN} if ends else found)

    def may_end(self, state: Nodes) -> bool:
        """Return whether the last word may be complete."""
        return any(node in (BETWEEN, FOREIGN) or self.needed[node] == 0 for node in state)


def _spell_forms(word: str) -> set[str]:
    """Return the ways to write a word of the list."""
    return {word, word[:1].upper() + word[1:], word.upper()} if word == word.lower() else {word}


def _check_known(words: list[str], vocabulary: Vocabulary) -> None:
    """Raise CharloopError for words with characters that the network cannot write."""
    known = frozenset(vocabulary.symbols)
    wrong = [word for word in words if not known.issuperset(word)]
    if wrong:
        character = next(c for c in wrong[0] if c not in known)
        raise CharloopError(
            f"words of the list with characters that the network does not know: {len(wrong):,}, "
            f"the first {wrong[0]!r} with {character!r}",
            do="remove them from the list",
        )


def _make_tree(words: list[list[int]]) -> tuple[list[dict[int, int]], list[int]]:
    """Return for each node of the tree of `words` its children and the number of ids to the nearest end of a word."""
    children: list[dict[int, int]] = [{}]
    needed = [max(map(len, words))]
    for word in words:
        node = 0
        for depth, index in enumerate(word, 1):
            rest = len(word) - depth
            if index not in children[node]:
                children[node][index] = len(children)
                children.append({})
                needed.append(rest)
            node = children[node][index]
            needed[node] = min(needed[node], rest)
        if len(children) > MAX_TREE_NODES:
            raise CharloopError(
                "the list of words is too long",
                allowed=f"about {MAX_TREE_NODES // 10:,} words",
                do="shorten it",
            )
    return children, needed
