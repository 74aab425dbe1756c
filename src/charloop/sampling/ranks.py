"""Places in descending order without sorting: for an alphabet's few numbers, comparing all pairs is far faster."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

MAX_PAIRS = 512
"""Values in a row up to which all pairs are compared; more are sorted."""


def ranks(values: Float[Array, "batch vocab"]) -> Int[Array, "batch vocab"]:
    """The place of each value in its row, 0 for the greatest; of equal ones the one with the lowest id first."""
    ids = jnp.arange(values.shape[-1])
    if len(ids) > MAX_PAIRS:
        order = jnp.argsort(values, axis=-1, descending=True, stable=True)
        return jnp.put_along_axis(jnp.zeros_like(order), order, ids[None], axis=-1, inplace=False)
    own, other = values[:, :, None], values[:, None, :]
    ahead = (other > own) | ((other == own) & (ids[None, :] < ids[:, None]))
    return ahead.sum(-1)


def sum_ahead(
    shares: Float[Array, "batch vocab"], places: Int[Array, "batch vocab"]
) -> Float[Array, "batch vocab"]:
    """For each place the sum of the shares whose place is before it."""
    if shares.shape[-1] > MAX_PAIRS:
        order = jnp.argsort(places, axis=-1)
        descending = jnp.take_along_axis(shares, order, axis=-1)
        return jnp.take_along_axis(jnp.cumsum(descending, -1) - descending, places, axis=-1)
    return jnp.where(places[:, None, :] < places[:, :, None], shares[:, None, :], 0.0).sum(-1)
