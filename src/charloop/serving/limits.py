"""How much one request may ask for."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True)
class Limits:
    """The most that a request may ask for, and how many may wait."""

    max_body: Annotated[int, Meta(ge=1024)] = 8 << 20
    """The longest body of a request, in bytes."""
    max_prompt: Annotated[int, Meta(ge=1)] = 1_000_000
    """The longest prompt, in tokens."""
    max_tokens: Annotated[int, Meta(ge=1)] = 100_000
    """The most new tokens of a text."""
    max_texts: Annotated[int, Meta(ge=1)] = 128
    """The most texts of one request."""
    max_queue: Annotated[int, Meta(ge=1)] = 1024
    """The most texts of a network that wait."""
    timeout: Annotated[float, Meta(gt=0)] = 600.0
    """The most time of one request."""
