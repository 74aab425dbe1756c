"""The parts of a character network in a PyTorch state dict, found by the shapes of its tensors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from charloop.errors import CharloopError, unknown_name

Arrays = Mapping[str, Float32[np.ndarray, "..."]]
CELL_OF_BLOCKS = {1: "rnn", 3: "gru", 4: "lstm"}
"""The cell, by the number of blocks in its weights."""
RECURRENT = re.compile(
    r"(?P<prefix>.*?)(?P<name>(weight|bias)_(ih|hh|hr))(?P<layer>(_l\d+)?)(?P<reverse>(_reverse)?)"
)
PARTS = ("bias", "embedding", "readout", "rnn")
"""What `names` may name: tensors, and for `rnn` what stands before weight_ih_l0. `bias` is the readout's."""


@dataclass(frozen=True)
class TorchState:
    """What was found. Rows of `embedding` and `readout` are in the order of the state's vocabulary."""

    cell: str
    layers: Arrays
    """weight_ih_l0, ..., with biases."""
    embedding: Float32[np.ndarray, "vocab embed"] | None
    """None for one-hot input."""
    readout: Float32[np.ndarray, "vocab hidden"] | None
    """None if it is tied to the embedding."""
    bias: Float32[np.ndarray, " vocab"]

    @property
    def num_layers(self) -> int:
        """Recurrent layers."""
        return sum(name.startswith("weight_hh") for name in self.layers)

    @property
    def hidden_size(self) -> int:
        """Units in a layer."""
        return int(self.layers["weight_hh_l0"].shape[1])


def find_parts(state: Arrays, vocab: int, names: Mapping[str, str]) -> TorchState:
    """Return the parts of a network of `vocab` characters; `names` are those of parts that shapes do not tell apart.

    Raises CharloopError that names the candidates for what is missing or ambiguous, and for what charloop lacks.
    """
    for part in names:
        if part not in PARTS:
            raise unknown_name("part in --map", part, PARTS)
    layers = find_layers(state, names.get("rnn"))
    hidden, inputs = layers["weight_hh_l0"].shape[1], layers["weight_ih_l0"].shape[1]
    others = {name: value for name, value in state.items() if not RECURRENT.fullmatch(name)}
    readout = find_readout(others, (vocab, hidden), names, is_shared=inputs == hidden)
    embedding = find_embedding(others, (vocab, inputs), names, readout)
    is_tied = embedding is not None and same(state[embedding], state[readout])
    return TorchState(
        CELL_OF_BLOCKS[layers["weight_hh_l0"].shape[0] // hidden],
        layers,
        None if embedding is None else state[embedding],
        None if is_tied else state[readout],
        find_bias(others, vocab, names, readout),
    )


def find_bias(
    state: Arrays, vocab: int, names: Mapping[str, str], readout: str
) -> Float32[np.ndarray, " vocab"]:
    """Return the readout's bias: beside its weight, or the only vector of the right size; else zeros."""
    beside = f"{readout.removesuffix('weight')}bias"
    found = [beside] if beside in state else list_shaped(state, (vocab,))
    if not found and "bias" not in names:
        return np.zeros(vocab, np.float32)
    return state[choose("bias", found, (vocab,), names.get("bias"), state)]


def find_embedding(
    state: Arrays, shape: tuple[int, int], names: Mapping[str, str], readout: str
) -> str | None:
    """Return the tensor of the embedding, which may be the readout's; None if the input is one-hot."""
    found = [name for name in list_shaped(state, shape) if name != readout]
    if "embedding" not in names and not found:
        if shape[1] == state[readout].shape[1]:
            return readout
        if shape[0] == shape[1]:
            return None
    return choose("embedding", found, shape, names.get("embedding"), state)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two arrays are equal in shape and numbers."""
    return one.shape == other.shape and bool((one == other).all())


def find_readout(state: Arrays, shape: tuple[int, int], names: Mapping[str, str], *, is_shared: bool) -> str:
    """Return the tensor of the readout. Of two matrices of its shape, it is the one with a bias."""
    shaped = list_shaped(state, shape)
    found = [name for name in shaped if name != names.get("embedding")] or shaped
    if is_shared and len(found) > 1:
        biased = [name for name in found if f"{name.removesuffix('weight')}bias" in state]
        equal = all(same(state[found[0]], state[name]) for name in found)
        found = biased if len(biased) == 1 else found[:1] if equal else found
    return choose("readout", found, shape, names.get("readout"), state)


def list_shaped(state: Arrays, shape: tuple[int, ...]) -> list[str]:
    """Return the names of tensors with that shape."""
    return [name for name, value in state.items() if value.shape == shape]


def choose(part: str, found: Sequence[str], shape: tuple[int, ...], chosen: str | None, state: Arrays) -> str:
    """Return the one name in `found`, or `chosen`. Raises CharloopError if it is not one."""
    if chosen is not None:
        if chosen not in state:
            raise unknown_name(f"tensor in --map {part}=", chosen, state)
        if state[chosen].shape != shape:
            got, allowed = list(state[chosen].shape), f"{list(shape)}, by the vocabulary and the layers"
            raise CharloopError(f"the shape of {chosen}", got=got, allowed=allowed)
        return chosen
    if len(found) > 1:
        raise CharloopError(
            f"several tensors may be the {part}: {', '.join(found)}", do=f"add --map {part}={found[0]}"
        )
    if not found:
        there = {name: list(value.shape) for name, value in state.items() if value.ndim == 2}
        raise CharloopError(
            f"no tensor has the shape {list(shape)} of the {part}",
            got=there or "no other matrices",
            do="is it the vocabulary of this network?",
        )
    return found[0]


def find_layers(state: Arrays, chosen: str | None) -> Arrays:
    """Return the tensors of the recurrent module, named as torch.nn names them, all with biases."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, value in state.items():
        match = RECURRENT.fullmatch(name)
        if match is None:
            continue
        if match["reverse"]:
            raise CharloopError(f"{name} is of a bidirectional module", do="charloop's networks read forward")
        if match["name"].endswith("hr"):
            raise CharloopError(f"{name} is of a module with a projection", allowed="proj_size=0")
        groups.setdefault(match["prefix"], {})[match["name"] + (match["layer"] or "_l0")] = value
    wanted = [prefix for prefix in groups if chosen in (None, prefix, prefix.rstrip("."))]
    if len(wanted) != 1:
        names = [prefix.rstrip(".") for prefix in groups]
        if not groups:
            raise CharloopError(
                "no recurrent layers", got=sorted(state)[:5], allowed="weight_ih_l0, weight_hh_l0, ... in it"
            )
        if chosen is not None:
            raise unknown_name("module in --map rnn=", chosen, names)
        raise CharloopError(
            f"several modules have recurrent layers: {', '.join(names)}", do=f"add --map rnn={names[0]}"
        )
    return check_layers(groups[wanted[0]])


def check_layers(layers: dict[str, np.ndarray]) -> Arrays:
    """Return the layers, with biases of 0 where there are none. Raises CharloopError for shapes that do not fit."""
    count = sum(name.startswith("weight_hh") for name in layers)
    first, hidden = layers.get("weight_ih_l0"), 0
    if "weight_hh_l0" in layers and layers["weight_hh_l0"].ndim == 2:
        hidden = layers["weight_hh_l0"].shape[1]
    rows = layers["weight_hh_l0"].shape[0] if hidden else 0
    if (
        first is None
        or first.ndim != 2
        or not hidden
        or rows not in [blocks * hidden for blocks in CELL_OF_BLOCKS]
    ):
        shapes = {name: list(value.shape) for name, value in layers.items()}
        raise CharloopError("recurrent layers", got=shapes, allowed="those of torch.nn.LSTM, GRU or RNN")
    made = {}
    for number in range(count):
        inputs = first.shape[1] if number == 0 else hidden
        for name, shape in {
            "weight_ih": (rows, inputs), "weight_hh": (rows, hidden), "bias_ih": (rows,), "bias_hh": (rows,)
        }.items():  # fmt: skip
            value = layers.get(f"{name}_l{number}", np.zeros(shape, np.float32) if "bias" in name else None)
            if value is None or value.shape != shape:
                got = "nothing" if value is None else list(value.shape)
                raise CharloopError(f"the shape of {name}_l{number}", got=got, allowed=str(list(shape)))
            made[f"{name}_l{number}"] = value
    if stray := sorted(layers.keys() - made.keys()):
        raise CharloopError(f"{stray[0]} is of layer {stray[0].rpartition('_l')[2]}, the layers are {count}")
    return made
