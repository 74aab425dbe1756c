"""What sampling needs of a model and of a vocabulary: anything with these methods can write text."""

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Int, Integer

from charloop.types import Characters, Logits, Parameters, State


@runtime_checkable
class LanguageModel(Protocol):
    """A model that predicts the next character. It must be hashable: compiled programs are cached by model."""

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first character, with a leading batch axis."""

    def apply(
        self,
        params: Parameters,
        characters: Characters,
        state: State,
        *,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Return the logits of the next characters, without dropout, and the state after the last one read.

        With `lengths`, batch row `b` reads only its first `lengths[b]` characters.
        """


@runtime_checkable
class Decoder(Protocol):
    """Converts ids to text piece by piece and keeps the bytes of an incomplete character for the next call."""

    def feed(self, ids: Any) -> str:
        """Return the text that `ids` complete."""

    def flush(self) -> str:
        """Return what is left at the end of the text."""


@runtime_checkable
class TextVocabulary(Protocol):
    """A vocabulary: text to ids and back."""

    @property
    def size(self) -> int:
        """The number of ids."""

    @property
    def never_written(self) -> tuple[int, ...]:
        """The ids that the model reads but never writes: the unknown symbol, and labels of documents."""

    @property
    def end_id(self) -> int | None:
        """The id that ends a text, or None if texts have no end."""
        ...

    def encode(self, text: str, unknown: Literal["error", "skip"] = "error") -> Integer[np.ndarray, " time"]:
        """Return the ids of `text`. With unknown="skip", characters that the vocabulary lacks are left out.

        Otherwise they become the unknown symbol; a vocabulary without one raises CharloopError.
        """

    def decode(self, ids: Any) -> str:
        """Return the text of `ids`."""

    def decoder(self) -> Decoder:
        """Return a decoder for text that comes in pieces."""
