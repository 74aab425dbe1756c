"""What a network reads before a text: what stands before a paragraph or line, or what the text goes on from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Integer

from charloop.sampling.vocabulary import TextVocabulary


@dataclass(frozen=True)
class Before:
    """`text` is read first and never shown: a prefix, or a context."""

    text: str = ""
    is_context: bool = False
    """Whether a text goes on from it: then constraints see it too. A prefix only says where a text begins."""

    @classmethod
    def of(cls, prefix: str, context: str | None) -> "Before":
        """The `context` if there is one, an empty one too; else the `prefix`."""
        return cls(prefix) if context is None else cls(context, is_context=True)

    def ids(
        self,
        vocabulary: TextVocabulary,
        text: Integer[np.ndarray, " text"],
        unknown: Literal["error", "skip"] = "error",
    ) -> Integer[np.ndarray, " before"]:
        """What is read before the ids `text`; the part of a prefix that the text begins with itself is left out.

        Raises CharloopError for a character of a context that the vocabulary lacks, unless they are skipped.
        """
        ids = vocabulary.encode(self.text, unknown if self.is_context else "skip")
        return ids if self.is_context else ids[: len(ids) - overlap(ids, text)]

    @property
    def description(self) -> str:
        """In a few words, for people."""
        if self.is_context:
            signs = "character" if len(self.text) == 1 else "characters"
            return f"a context of {len(self.text):,} {signs}" if self.text else "nothing"
        ends = self.text.count("\n")
        where = "a paragraph" if ends > 1 else "a line" if ends else "a word"
        return f"the beginning of {where} (after {self.text!r})" if self.text else "nothing"


NOTHING = Before()
"""A text is read from an empty memory."""


def overlap(prefix: Integer[np.ndarray, " prefix"], text: Integer[np.ndarray, " text"]) -> int:
    """How many of the last of `prefix` are the first of `text`."""
    longest = min(len(prefix), len(text))
    return next((n for n in range(longest, 0, -1) if np.array_equal(prefix[-n:], text[:n])), 0)
