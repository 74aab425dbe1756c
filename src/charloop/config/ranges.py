"""The ranges that settings share."""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=2**40)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
NonNegative = Annotated[float, Meta(ge=0, le=1e6)]
Layers = Annotated[int, Meta(ge=1, le=256)]
"""Each layer is compiled by itself: a thousand would take a day."""
NonNegativeCount = Annotated[int, Meta(ge=0, le=2**40)]
Units = Annotated[int, Meta(ge=1, le=2**24)]
"""A matrix with more rows fits no machine and no 32-bit index."""
# jax.random.key drops all but 32 bits: a larger seed would give the run of a smaller one.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Features = Annotated[int, Meta(ge=0, le=2**24)]
