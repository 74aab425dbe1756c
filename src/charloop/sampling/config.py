"""The settings of sampling, each with its range beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self, TypeAlias

from msgspec import Meta

from charloop.config.ranges import Count, NonNegative, NonNegativeCount
from charloop.conversion import check_fields
from charloop.errors import CharloopError, refusing_unknown

Stop: TypeAlias = Annotated[str, Meta(min_length=1)]

MAX_DOCUMENT_LENGTH = 10_000
"""New characters at which a document is cut, unless another limit is given."""
NAMES_ELSEWHERE = {
    "max_tokens": "length",
    "max_new_tokens": "length",
    "max_length": "length",
    "num_return_sequences": "num_samples",
    "n": "num_samples",
    "stop_sequences": "stop",
    "stop_strings": "stop",
    "logit_bias": "bias",
    "repeat_penalty": "repetition_penalty",
    "repeat_last_n": "repetition_window",
}
"""Names of other libraries for some of the settings."""
MAX_BIAS = 1000
"""Sums of a logit and a larger number would lose the logit's decimals."""


@refusing_unknown("setting of sampling", NAMES_ELSEWHERE)
@dataclass(frozen=True)
class SamplingConfig:
    """How a trained network writes. Raises CharloopError for a value out of range."""

    length: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 500
    """Number of new characters to write (bytes for a byte network); the prompt does not count."""
    # Of a number or a pair with ranges, msgspec 0.23 reads memory that is not its own.
    temperature: NonNegative | tuple[NonNegative, ...] = 1.0
    """Sampling temperature. Below 1 favours likely characters, above 1 flattens the distribution, 0 always takes the
    likeliest character. X:Y changes it along the text, linearly from X at the first new character to Y at the last of
    --length (of --max-length for documents)."""
    top_k: NonNegativeCount = 0
    """Sample from the N likeliest characters only. 0: from all."""
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Sample from the fewest likeliest characters whose probabilities add up to X, above 0 and at most 1 (nucleus
    sampling). 1: from all."""
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Sample from characters that are at least X times as probable as the likeliest; from 0 to 1. 0: from all."""
    forbid: Annotated[str, Meta(min_length=1)] | None = None
    """Never write these characters, e.g. 'qz'."""
    bias: dict[
        Annotated[str, Meta(min_length=1, max_length=1)], Annotated[float, Meta(ge=-MAX_BIAS, le=MAX_BIAS)]
    ] = field(default_factory=dict)
    """Add a number, from -1000 to 1000, to the logit of a character before the temperature, e.g. 'e=-1.5'. At
    temperature 1 it multiplies the character's odds by exp(X). Of two numbers for one character the last counts."""
    repetition_penalty: Annotated[float, Meta(ge=0.01, le=100)] = 1.0
    """Make characters less likely that are in the prompt or the new text: their positive logits are divided by X, the
    negative ones multiplied, after --bias and before the temperature. From 0.01 to 100; 1: off, below 1: more
    likely."""
    repetition_window: NonNegativeCount = 64
    """The repetition penalty counts the last N characters of prompt and text (bytes for a byte network), or all with
    0. The penalty needs a window: most of an alphabet is in any longer text, and penalising all letters alike does
    nothing against a loop."""
    mode: Literal["always", "words"] = "always"
    """always: sample every character. words: sample the first character of each word, then take the likeliest
    ones."""
    num_samples: Annotated[int, Meta(ge=1, le=2**16)] = 1
    """Number of texts to write."""
    # jax.random.key drops all but 32 bits: a larger seed would give the same numbers as a smaller one.
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Seed of the random numbers: the same seed writes the same text."""
    stop: Stop | tuple[Stop, ...] | None = None
    """Stop before this string, or before the first of several."""
    lines: Count | None = None
    """Stop after N new lines, of a network that knows newlines."""
    unknown: Literal["error", "skip"] = "error"
    """What to do with a character of the prompt that the network does not know: report an error (error), or leave it
    out (skip). A network trained with --min-count reads it as its unknown symbol, without an error."""

    def __post_init__(self) -> None:
        check_fields(self)
        if isinstance(self.temperature, tuple):
            if len(self.temperature) != 2:
                raise CharloopError("temperature", got=self.temperature, allowed="one number or two")
            if not any(self.temperature):
                object.__setattr__(self, "temperature", 0.0)

    def read_strings(self, read: Callable[[str], str]) -> Self:
        """Return the settings with their stop strings and forbidden characters as `read` returns them."""
        forbid = None if self.forbid is None else read(self.forbid)
        return replace(self, stop=tuple(map(read, self.stops)), forbid=forbid)

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
