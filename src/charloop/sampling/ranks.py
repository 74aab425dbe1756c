"""Places in descending order without sorting: for an alphabet's few numbers, comparing all pairs is far faster."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

MAX_PAIRS = 512
"""Values in a row up to which all pairs are compared; of more, see `thresholds`."""


def is_large(values: Float[Array, "batch vocab"]) -> bool:
    """Whether its pairs are too many to be compared."""
    return values.shape[-1] > MAX_PAIRS


def ranks(values: Float[Array, "batch vocab"]) -> Int[Array, "batch vocab"]:
    """The place of each value in its row, 0 for the greatest; of equal ones the one with the lowest id first."""
    ids = jnp.arange(values.shape[-1])
    own, other = values[:, :, None], values[:, None, :]
    ahead = (other > own) | ((other == own) & (ids[None, :] < ids[:, None]))
    return ahead.sum(-1)


def sum_ahead(
    shares: Float[Array, "batch vocab"], places: Int[Array, "batch vocab"]
) -> Float[Array, "batch vocab"]:
    """For each place the sum of the shares whose place is before it."""
    return jnp.where(places[:, None, :] < places[:, :, None], shares[:, None, :], 0.0).sum(-1)
