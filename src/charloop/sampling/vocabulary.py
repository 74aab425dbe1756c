"""What writing needs of a vocabulary."""

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer


@runtime_checkable
class Decoder(Protocol):
    """Ids to text, piece by piece; it keeps what is half of a character."""

    def feed(self, ids: Any) -> str:
        """The text that is complete with `ids`."""
        ...

    def flush(self) -> str:
        """What is left, now that no more comes."""
        ...


@runtime_checkable
class TextVocabulary(Protocol):
    """What writing needs of a vocabulary."""

    @property
    def size(self) -> int:
        """How many ids there are."""
        ...

    @property
    def unknown_id(self) -> int | None:
        """The id of the sign for all that is unknown, which is read and never written; None if there is none."""
        ...

    def encode(self, text: str, unknown: Literal["error", "skip"] = "error") -> Integer[np.ndarray, " time"]:
        """The ids of `text`; unknown characters become the sign for them or raise CharloopError, or are left out."""
        ...

    def decode(self, ids: Any) -> str:
        """The text of `ids`."""
        ...

    def decoder(self) -> Decoder:
        """A decoder for text that comes in pieces."""
        ...
