"""How a prompt is read: what stands before it, and the model's state after reading it in one pass."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import numpy as np
from jaxtyping import Array, Int, Integer

from charloop.sampling.protocols import LanguageModel, TextVocabulary
from charloop.types import Characters, Parameters, State

MIN_BUCKET, MAX_BUCKET = 16, 1024
"""Bounds of the number of characters, a power of two, that one call of the compiled program reads."""


@dataclass(frozen=True)
class Beginning:
    """What the model reads before a text, and never writes: the run's prefix, or a context."""

    text: str = ""
    is_context: bool = False
    """Whether the text continues `text`; then constraints see it too. A prefix only marks where a text begins."""
    start: tuple[int, ...] = ()
    """The ids that are read before `text`: the end symbol, of a model of documents."""

    def ids(
        self,
        vocabulary: TextVocabulary,
        text: Integer[np.ndarray, " text"],
        unknown: Literal["error", "skip"] = "error",
    ) -> Integer[np.ndarray, " before"]:
        """Return the ids to read before the ids `text`, without the end of a prefix that `text` itself begins with.

        Raises CharloopError if a context has a character that the vocabulary lacks, unless `unknown` is "skip".
        """
        ids = vocabulary.encode(self.text, unknown if self.is_context else "skip")
        ids = np.concatenate([np.array(self.start, ids.dtype), ids])
        return ids if self.is_context else ids[: len(ids) - _overlap(ids, text)]

    @property
    def description(self) -> str:
        """A short description for people."""
        if self.is_context:
            noun = "character" if len(self.text) == 1 else "characters"
            return f"a context of {len(self.text):,} {noun}" if self.text else "an empty memory"
        if self.start:
            return "the beginning of a document"
        newlines = self.text.count("\n")
        unit = "a paragraph" if newlines > 1 else "a line" if newlines else "a word"
        return f"the beginning of {unit} (after {self.text!r})" if self.text else "an empty memory"


NO_BEGINNING = Beginning()
"""The text is read from the initial state."""


def prepend_beginning(
    vocabulary: TextVocabulary,
    prompt: Integer[np.ndarray, " prompt"],
    beginning: Beginning,
    unknown: Literal["error", "skip"],
) -> Integer[np.ndarray, " read"]:
    """Return all ids to read before the first new character: `beginning` and `prompt`.

    If both are empty, it is one id: a newline, or else the first whitespace character, or else id 0.
    """
    ids = np.concatenate([beginning.ids(vocabulary, prompt, unknown), prompt])
    if len(ids):
        return ids
    newline = vocabulary.encode("\n", unknown="skip")
    # argmax of all False is 0.
    return newline if len(newline) else np.array([np.argmax(find_whitespace(vocabulary))], np.int32)


def find_text(
    vocabulary: TextVocabulary,
    prompt: Integer[np.ndarray, " prompt"],
    beginning: Beginning,
    unknown: Literal["error", "skip"],
) -> Integer[np.ndarray, " text"]:
    """Return the ids of the text that is continued: a context and `prompt`, but no prefix."""
    context = beginning.ids(vocabulary, prompt, unknown) if beginning.is_context else prompt[:0]
    return np.concatenate([context, prompt])


def find_whitespace(vocabulary: TextVocabulary) -> np.ndarray:
    """Return for each id whether it is whitespace."""
    joined = vocabulary.decode(np.arange(vocabulary.size))
    if len(joined) == vocabulary.size:
        return np.array([character.isspace() for character in joined])
    return np.array([vocabulary.decode([index]).isspace() for index in range(vocabulary.size)])


def read_prompt(
    model: LanguageModel,
    params: Parameters,
    characters: Integer[np.ndarray, " time"],
    state: State | None = None,
) -> State:
    """Return the state, for a batch of one, after reading `characters` from `state`, by default the initial one.

    The program is compiled once for each power of two up to `MAX_BUCKET`; longer prompts are read in pieces.
    """
    state = model.initial_state(1) if state is None else state
    bucket = min(max(1 << (len(characters) - 1).bit_length(), MIN_BUCKET), MAX_BUCKET)
    for start in range(0, len(characters), bucket):
        piece = characters[start : start + bucket]
        padded = np.zeros((bucket, 1), np.int32)
        padded[: len(piece), 0] = piece
        state = _read_bucket(model, params, padded, state, np.array([len(piece)], np.int32))
    return state


@partial(jax.jit, static_argnames="model")
def _read_bucket(
    model: LanguageModel,
    params: Parameters,
    characters: Characters,
    state: State,
    lengths: Int[Array, " batch"],
) -> State:
    return model.apply(params, characters, state, lengths=lengths)[1]


def _overlap(prefix: Integer[np.ndarray, " prefix"], text: Integer[np.ndarray, " text"]) -> int:
    """Return how many ids the end of `prefix` and the start of `text` share."""
    longest = min(len(prefix), len(text))
    return next((n for n in range(longest, 0, -1) if np.array_equal(prefix[-n:], text[:n])), 0)
