"""What a layer reads: features, or characters that are still to be looked up."""

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

MAX_ONE_HOT_ROWS = 512
"""Tables up to this many rows get their gradient from one matrix product; larger ones by adding rows up."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Lookup:
    """Rows of a table, one a character, not gathered yet: the first layer's input where nothing is dropped."""

    table: Float[Array, "vocab columns"]
    characters: Int[Array, "*time batch"]

    def gather(self) -> Float[Array, "*time batch columns"]:
        """The rows themselves."""
        return self.table[self.characters]


LayerInput: TypeAlias = Float[Array, "time batch input"] | Lookup


def features(inputs: LayerInput) -> Float[Array, "time batch input"]:
    """The input as an array, whatever it was."""
    return inputs.gather() if isinstance(inputs, Lookup) else inputs


def sum_rows(
    values: Float[Array, "time batch columns"], characters: Int[Array, "time batch"], rows: int
) -> Float[Array, "vocab columns"]:
    """The sum of `values` over each character's places: the gradient of a look-up's table."""
    flat, ids = values.reshape(-1, values.shape[-1]), characters.reshape(-1)
    if rows > MAX_ONE_HOT_ROWS:
        return jnp.zeros((rows, flat.shape[-1])).at[ids].add(flat)
    return jax.nn.one_hot(ids, rows, dtype=flat.dtype).T @ flat
