"""What a layer reads: features, or characters that are still to be looked up."""

from dataclasses import dataclass
from typing import TypeAlias

import jax
from jaxtyping import Array, Float, Int


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


def gather_features(inputs: LayerInput) -> Float[Array, "time batch input"]:
    """The input as an array, whatever it was."""
    return inputs.gather() if isinstance(inputs, Lookup) else inputs
