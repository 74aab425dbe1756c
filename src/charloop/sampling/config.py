"""How text is written: the numbers and words a person sets, with their ranges beside them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from charloop.config import Count, NonNegative, NonNegativeCount
from charloop.conversion import convert
from charloop.errors import CharloopError, refusing_unknown, unknown_name

ELSEWHERE = {
    "max_tokens": "length",
    "max_new_tokens": "length",
    "max_length": "length",
    "num_return_sequences": "num_samples",
    "n": "num_samples",
    "stop_sequences": "stop",
    "stop_strings": "stop",
}
"""What other libraries call some of the settings."""


@refusing_unknown("setting of sampling", ELSEWHERE)
@dataclass(frozen=True)
class SamplingConfig:
    """How a trained network writes.

    Raises CharloopError for a value out of its range.
    """

    length: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 500
    """New characters to write (bytes, for a model of bytes); the prompt does not count."""
    temperature: NonNegative = 1.0
    """Below 1 bolder choices become rarer, above 1 commoner; 0 always takes the likeliest character."""
    top_k: NonNegativeCount = 0
    """Choose among so many likeliest characters only; 0: among all."""
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Choose among the fewest likeliest characters that together have this probability; 1: among all."""
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Choose among characters at least this share as probable as the likeliest; 0: among all."""
    mode: Literal["always", "words"] = "always"
    """Choose by chance every character, or only the first of each word and then the likeliest."""
    num_samples: Annotated[int, Meta(ge=1, le=2**16)] = 1
    """Texts to write side by side."""
    # jax.random.key drops what does not fit in 32 bits: a greater seed would be another's twin.
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Source of all chance: same seed, same text."""
    stop: Annotated[str, Meta(min_length=1)] | None = None
    """End just before this string."""
    lines: Count | None = None
    """End after so many new lines."""
    unknown: Literal["error", "skip"] = "error"
    """A character of the prompt that the network never saw: refuse it, or leave it out. A network that was trained
    with --min-count reads it as its unknown sign instead of refusing it."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            _check(name, getattr(self, name), hint)


def _check(name: str, value: Any, hint: Any) -> None:
    """Raises CharloopError unless `value` is of the annotated type and range `hint`."""
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise unknown_name(name, str(value), get_args(hint))
    try:
        convert(value, hint)
    except msgspec.ValidationError as error:
        allowed = str(error).removeprefix("Expected ").partition(", got")[0]
        raise CharloopError(name, got=value, allowed=allowed) from None
