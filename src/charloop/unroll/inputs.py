"""What a layer reads: features, or characters that are looked up in a table."""

from dataclasses import dataclass
from typing import TypeAlias

from jaxtyping import Array, Float, Int

from charloop.pytree import register_pytree


@register_pytree
@dataclass(frozen=True)
class Lookup:
    """Rows of a table, one per character, not gathered yet: the first layer's input without dropout."""

    table: Float[Array, "vocab columns"]
    characters: Int[Array, "*time batch"]


LayerInput: TypeAlias = Float[Array, "time batch input"] | Lookup


def gather_features(inputs: LayerInput) -> Float[Array, "time batch input"]:
    """Return the input as an array, the rows of a `Lookup` gathered."""
    return inputs.table[inputs.characters] if isinstance(inputs, Lookup) else inputs
