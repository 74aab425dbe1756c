"""The names of array axes, and the array types built from them.

Axis      Meaning
time      time steps of one chunk, oldest first; always the leading axis
batch     batch rows: contiguous pieces of text trained side by side; always the axis after time
input     features that a layer reads at one time step
hidden    units of a layer
gates     the gate blocks of a layer, concatenated: a multiple of hidden
vocab     distinct characters (or the 256 bytes)
"""

from typing import Any, TypeAlias

from jax import Array
from jaxtyping import Float, Int, Key

Parameters: TypeAlias = dict[str, Array]
"""Names to arrays, flat, as in a safetensors file."""

State: TypeAlias = Any
"""Any pytree of arrays with a leading batch axis: a cell's memory between two time steps."""

Characters: TypeAlias = Int[Array, "time batch"]
Logits: TypeAlias = Float[Array, "time batch vocab"]
RandomKey: TypeAlias = Key[Array, ""]
