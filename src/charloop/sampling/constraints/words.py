"""Only words of a list are written; what stands between them is free."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling.constraints.base import Constraint

LARGEST = 3_000_000
"""Nodes of the tree of a list that is allowed: about the characters of its words, thrice, less what they share."""
LOOK_BACK = 1000
"""Ids at the end of a prompt among which the word that it ends in begins."""
BETWEEN, FOREIGN = 0, -1
"""The tree's root, between two words; and inside a word of the prompt that is on no list, or ends as it is."""
Nodes: TypeAlias = frozenset[int]
"""All nodes that a text may be at: an apostrophe is part of a word, or behind one."""


@dataclass(frozen=True, eq=False)
class Words(Constraint):
    """Whatever is a letter belongs to a word of the list, and no word is left half written.

    A word is written as it is spelled there; one in small letters also with a capital first or all in capitals, as
    spelling checkers have it. Characters of a word that are no letters (don't) belong to it in their place. A word
    that the prompt began may end as it is, or go on as one of the list.
    """

    children: tuple[dict[int, int], ...]
    """For each node of the tree of words, which id leads to which node."""
    needed: tuple[int, ...]
    """For each node, the ids to the end of the shortest word; 0: a word ends here."""
    letters: Bool[np.ndarray, " vocab"]
    name = "the list of words"

    @classmethod
    def of(cls, words: Iterable[str], vocabulary: Vocabulary) -> "Words":
        """The list `words`. Raises CharloopError if it is empty, too long, or has what the vocabulary lacks."""
        if vocabulary.unit == "byte":
            raise CharloopError(
                "a list of words",
                got="a network of bytes",
                allowed="a network of characters",
                do="use a pattern (--regex)",
            )
        spelled = sorted(set(words) - {""})
        if not spelled:
            raise CharloopError("the list of words is empty", do="give at least one word")
        check_known(spelled, vocabulary)
        known = frozenset(vocabulary.symbols)
        forms = {form for word in spelled for form in forms_of(word) if known.issuperset(form)}
        children, needed = tree_of([vocabulary.encode(form).tolist() for form in sorted(forms)])
        letters = np.zeros(vocabulary.size, bool)
        letters[: len(vocabulary.symbols)] = [is_letter(symbol) for symbol in vocabulary.symbols]
        return cls(tuple(children), tuple(needed), letters)

    def start(self, prompt: Integer[np.ndarray, " prompt"]) -> Nodes:
        """In the word that the prompt ends in, if it is one of the list's, or the beginning of one."""
        state = frozenset({BETWEEN})
        for index in prompt[-LOOK_BACK:].tolist():
            state = self.after(state, index) or frozenset({FOREIGN if self.letters[index] else BETWEEN})
        return state if self.may_end(state) else state | {FOREIGN}

    def allowed(self, state: Nodes, room: int) -> Bool[np.ndarray, " vocab"]:
        """What goes on with a word that the room suffices for, and what is no letter where a word may end."""
        allowed = ~self.letters if self.may_end(state) else np.zeros_like(self.letters)
        branches = (self.children[node].items() for node in state if node != FOREIGN)
        allowed[[index for branch in branches for index, node in branch if self.needed[node] < room]] = True
        return allowed

    def after(self, state: Nodes, index: int) -> Nodes:
        """The word goes on, or has ended."""
        found = {self.children[node].get(index, FOREIGN) for node in state if node != FOREIGN} - {FOREIGN}
        ends = not self.letters[index] and self.may_end(state)
        return frozenset(found | {BETWEEN} if ends else found)

    def may_end(self, state: Nodes) -> bool:
        """Whether no word is left half written."""
        return any(node in (BETWEEN, FOREIGN) or self.needed[node] == 0 for node in state)


def is_letter(symbol: str) -> bool:
    """Letters, and the accents that are put upon them."""
    return symbol.isalpha() or unicodedata.combining(symbol) > 0


def forms_of(word: str) -> set[str]:
    """How a word of the list may be written."""
    return {word, word[:1].upper() + word[1:], word.upper()} if word == word.lower() else {word}


def check_known(words: list[str], vocabulary: Vocabulary) -> None:
    """Raises CharloopError for words that the network could not write."""
    known = frozenset(vocabulary.symbols)
    wrong = [word for word in words if not known.issuperset(word)]
    if wrong:
        character = next(c for c in wrong[0] if c not in known)
        raise CharloopError(
            f"words of the list with characters that the network does not know: {len(wrong):,}, "
            f"the first {wrong[0]!r} with {character!r}",
            do="take them out",
        )


def tree_of(words: list[list[int]]) -> tuple[list[dict[int, int]], list[int]]:
    """The children of each node of the tree of `words`, and how many ids it is from each to a word's end."""
    children: list[dict[int, int]] = [{}]
    needed = [max(map(len, words))]
    for word in words:
        node = 0
        for place, index in enumerate(word, 1):
            rest = len(word) - place
            if index not in children[node]:
                children[node][index] = len(children)
                children.append({})
                needed.append(rest)
            node = children[node][index]
            needed[node] = min(needed[node], rest)
        if len(children) > LARGEST:
            raise CharloopError(
                "the list of words is too long", allowed=f"about {LARGEST // 10:,}", do="shorten it"
            )
    return children, needed
