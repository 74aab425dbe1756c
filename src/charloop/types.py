"""The only glossary of axes, and the array aliases that are made of them.

Axis      Meaning
time      ticks of one chunk, oldest first; always the leading axis
batch     lanes: rows of contiguous text trained side by side; always the axis after time
input     features handed to a layer at one tick
hidden    units of a layer
gates     the gate blocks of a layer, concatenated: a multiple of hidden
vocab     distinct characters (or the 256 bytes)
"""

from typing import Any, TypeAlias

from jax import Array
from jaxtyping import Float, Int, Key

Parameters: TypeAlias = dict[str, Array]
"""Names to arrays, flat: what a safetensors file holds."""

State: TypeAlias = Any
"""Any pytree of arrays with a leading batch axis: a cell's memory between two ticks."""

Characters: TypeAlias = Int[Array, "time batch"]
Logits: TypeAlias = Float[Array, "time batch vocab"]
RandomKey: TypeAlias = Key[Array, ""]
