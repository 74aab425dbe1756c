"""Convert parameters from and to `torch.nn.RNN`, `GRU` and `LSTM`: the same numbers under the same names."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from charloop.cells.gru import GRU
from charloop.cells.lstm import LSTM
from charloop.cells.rnn import RNN
from charloop.errors import CharloopError
from charloop.recurrent.base import Layer
from charloop.recurrent.checking import is_bias, parameter_shapes
from charloop.recurrent.single import Recurrent
from charloop.recurrent.stack import Stack
from charloop.types import Parameters

MODULES: dict[type, str] = {RNN: "RNN", GRU: "GRU", LSTM: "LSTM"}
"""The module of `torch.nn` that computes the same as a cell without options."""


def from_torch(layer: Layer, state_dict: Mapping[str, Any]) -> Parameters:
    """Return the parameters of `layer` from the `state_dict()` of a `torch.nn.RNN` (tanh), `GRU` or `LSTM`.

    `layer` is a `Stack` of `num_layers` layers, or a `Recurrent` for one layer. Values are float32 tensors or NumPy
    arrays. A module with `bias=False` gives parameters without biases. Raises CharloopError for `bidirectional`,
    `proj_size`, and anything that does not fit.
    """
    one = _check_layer(layer)
    for name in state_dict:
        if name.endswith("_reverse"):
            raise CharloopError("weights of a bidirectional module", got=name, allowed="bidirectional=False")
        if name.startswith("weight_hr"):
            raise CharloopError("weights of a module with a projection", got=name, allowed="proj_size=0")
    if "weight_ih_l0" not in state_dict:
        names = "weight_ih_l0, weight_hh_l0, ..."
        raise CharloopError("names of a state dict", got=sorted(state_dict)[:4], allowed=names)
    arrays = {name: _as_numpy(name, value) for name, value in state_dict.items()}
    wanted = parameter_shapes(one, arrays["weight_ih_l0"].shape[-1])
    without_bias = not any(is_bias(name) for name in arrays)
    for name in sorted(wanted.keys() | arrays.keys()):
        if name not in arrays and without_bias and is_bias(name):
            continue
        got = list(arrays[name].shape) if name in arrays else "nothing"
        allowed = list(wanted[name]) if name in wanted else "nothing"
        if got != allowed:
            raise CharloopError(f"shape of {name}", got=got, allowed=f"{allowed} for {_described(one)}")
    suffix = "" if isinstance(layer, Stack) else "_l0"
    return {name.removesuffix(suffix): jnp.array(value) for name, value in arrays.items()}


def to_torch(layer: Layer, params: Parameters) -> dict[str, Float32[np.ndarray, "..."]]:
    """Return the state dict, as NumPy arrays, of the module of `torch.nn` that computes the same as `layer`.

    `module.load_state_dict({name: torch.from_numpy(value) for name, value in to_torch(layer, params).items()})`.
    Raises CharloopError for a layer that `torch.nn` does not have.
    """
    _check_layer(layer)
    suffix = "" if isinstance(layer, Stack) else "_l0"
    return {name + suffix: np.array(value, np.float32) for name, value in params.items()}


def find_module(cell: Any) -> str:
    """Return the module of `torch.nn` that computes the same as `cell`; "" if there is none."""
    return "" if getattr(cell, "cap_input", False) else MODULES.get(type(cell), "")


def _check_layer(layer: Layer) -> Stack:
    """Return `layer` as a stack of equal layers. Raises CharloopError if no single module has all of them."""
    stack = layer if isinstance(layer, Stack) else Stack((layer,))
    cells = {getattr(one, "cell", None) for one in stack.layers if isinstance(one, Recurrent)}
    known = len(cells) == 1 and find_module(*cells)
    if not known or not all(isinstance(one, Recurrent) for one in stack.layers):
        raise CharloopError(
            "a layer that torch.nn does not have",
            got=[type(getattr(one, "cell", one)).__name__ for one in stack.layers],
            allowed="equal layers of rnn, gru (reset_after) or lstm (without cap_input)",
        )
    return stack


def _described(stack: Stack) -> str:
    cell: Any = getattr(stack.layers[0], "cell", None)
    return f"a torch.nn.{find_module(cell)} of {stack.output_size} units and num_layers={len(stack.layers)}"


def _as_numpy(name: str, value: Any) -> Float32[np.ndarray, "..."]:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype != np.float32:
        got = str(array.dtype)
        raise CharloopError(f"numbers of {name}", got=got, allowed="float32", do="call .float() on it")
    # A copy, because the tensor's memory belongs to its module, which may go on training.
    return array.copy()
