"""Check the arguments of a layer's call: an error is one line, before JAX would need a hundred."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array

from charloop.errors import CharloopError
from charloop.types import Parameters, State
from charloop.unroll import LayerInput, Lookup

if TYPE_CHECKING:
    from charloop.recurrent.base import Layer

Unchecked: TypeAlias = Any
"""A JAX or NumPy array that is not checked yet."""

WIDENED = ("bfloat16", "float16")
BIASES = ("bias_ih", "bias_hh")
"""Parameters that a cell with PyTorch's names may omit."""


def check_call(
    layer: "Layer",
    params: Mapping[str, Unchecked],
    inputs: Unchecked,
    state: State | None,
    resets: Unchecked,
    lengths: Unchecked,
) -> tuple[Parameters, LayerInput, State, Array | None, Array | None]:
    """Return a call's arguments as arrays of the types and shapes that engines take. Raises CharloopError."""
    inputs, axes, features = _check_inputs(layer, inputs)
    batch = axes[0 if layer.batch_major else 1]
    checked = _check_params(layer, params, features)
    state = layer.initial_state(batch) if state is None else _check_state(layer, state, batch)
    resets = _check_resets_or_lengths("resets", resets, axes, layer, jnp.bool_, "bool", "pass resets != 0")
    lengths = _check_resets_or_lengths(
        "lengths", lengths, (batch,), layer, jnp.integer, "integers", "pass lengths.astype(int)"
    )
    # The loops do not declare which values vary.
    if any(
        jax.typeof(x).manual_axis_type.varying
        for x in jax.tree.leaves((checked, inputs, state, resets, lengths))
    ):
        raise CharloopError(
            "a layer inside a shard_map that checks which values vary",
            do="call shard_map with check_vma=False",
        )
    return checked, inputs, state, resets, lengths


def _check_inputs(layer: "Layer", inputs: Unchecked) -> tuple[LayerInput, tuple[int, int], int]:
    """Return the inputs, their first two axes, and their number of features."""
    if isinstance(inputs, Lookup):
        table = as_float32("the table of inputs", inputs.table)
        time, batch = inputs.characters.shape
        return Lookup(table, inputs.characters), (time, batch), table.shape[-1]
    array = as_float32("inputs", inputs, "embed or one-hot encode integers first")
    if array.ndim != 3:
        raise CharloopError("inputs", got=_described(array), allowed=f"{_order(layer)} with input features")
    first, second, features = array.shape
    return array, (first, second), features


def _order(layer: "Layer") -> str:
    return "[batch, time, input]" if layer.batch_major else "[time, batch, input]"


def as_float32(name: str, value: Unchecked, do: str | None = None) -> Array:
    """Return `value` as float32; bfloat16 and float16 are widened. Raises CharloopError for other types."""
    array = jnp.asarray(value)
    if str(array.dtype) in WIDENED:
        return array.astype(jnp.float32)
    if array.dtype != jnp.float32:
        allowed = "float32 (bfloat16 and float16 are widened to it)"
        do = "convert with .astype(jnp.float32)" if do is None or array.dtype == jnp.float64 else do
        raise CharloopError(f"numbers of {name}", got=str(array.dtype), allowed=allowed, do=do)
    return array


def _described(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"


@lru_cache(1024)
def parameter_shapes(layer: "Layer", input_size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of `layer`, for inputs of that many features."""
    made = jax.eval_shape(lambda: layer.init(jax.random.key(0), input_size))
    return {name: leaf.shape for name, leaf in made.items()}


def _check_params(layer: "Layer", params: Mapping[str, Unchecked], features: int) -> Parameters:
    wanted = parameter_shapes(layer, features)
    missing = [name for name in wanted if name not in params and not is_bias(name)]
    unknown = [name for name in params if name not in wanted]
    for names, kind in ((missing, "is missing"), (unknown, "does not belong to this layer")):
        if names:
            raise CharloopError(f"parameter {names[0]!r} {kind}", allowed=", ".join(wanted))
    found = {name: as_float32(f"parameter {name!r}", value) for name, value in params.items()}
    for name, value in found.items():
        if value.shape != wanted[name]:
            allowed = f"{list(wanted[name])} for inputs of {features} features"
            raise CharloopError(f"parameter {name!r}", got=list(value.shape), allowed=allowed)
    return found


def is_bias(name: str) -> bool:
    """Return whether a parameter is one of the two biases that a cell may omit."""
    return name.partition("_l")[0] in BIASES


def _check_state(layer: "Layer", state: State, batch: int) -> State:
    wanted = jax.eval_shape(lambda: layer.initial_state(batch))
    structure: Any = jax.tree.structure(wanted)
    if jax.tree.structure(state) != structure:
        got, do = str(jax.tree.structure(state)), "pass what initial_state or apply returned"
        raise CharloopError("structure of the state", got=got, allowed=str(structure), do=do)

    def check(leaf: Any, like: Any) -> Array:
        array = as_float32("the state", leaf) if like.dtype == jnp.float32 else jnp.asarray(leaf)
        if (array.shape, array.dtype) != (like.shape, like.dtype):
            raise CharloopError(
                "state", got=_described(array), allowed=f"{_described(like)} for a batch of {batch}"
            )
        return array

    return jax.tree.map(check, state, wanted)


def _check_resets_or_lengths(
    name: str, value: Unchecked, shape: tuple[int, ...], layer: "Layer", kind: Any, words: str, do: str
) -> Array | None:
    if value is None:
        return None
    array = jnp.asarray(value)
    axes = "[batch]" if len(shape) == 1 else _order(layer).replace(", input", "")
    if array.shape != shape:
        raise CharloopError(name, got=_described(array), allowed=f"{axes} = {list(shape)}")
    if not jnp.issubdtype(array.dtype, kind):
        raise CharloopError(name, got=_described(array), allowed=words, do=do)
    return array
