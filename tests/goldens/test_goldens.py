"""With PyTorch's weights, under its own names, charloop gives its outputs, last states and gradients."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_close
from charloop.cells import CELLS
from charloop.config import ModelConfig
from charloop.model import CharLM, layer_parameters
from charloop.unroll import UNROLLINGS
from choosing import mostly_slow

every_golden = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
every_unrolling = pytest.mark.parametrize(
    "unrolling", mostly_slow(UNROLLINGS, lambda name: name in ("fused", "xla"))
)
LAYERS, HIDDEN, EMBED, VOCAB = 2, 7, 5, 11


def golden(cell):
    """Return a file's arrays: PyTorch's `state_dict`, and a dictionary each for in, out, cotangent and gradient."""
    parts = {"weights": {}, "in": {}, "out": {}, "cotangent": {}, "gradient": {}}
    with np.load(Path(__file__).parent / f"torch_{cell}.npz", allow_pickle=False) as file:
        for name in file.files:
            part, _, rest = name.rpartition("/")
            parts[part or "weights"][rest] = file[name]
    return parts


def by_layer(parts):
    """Return PyTorch's `[layers, batch, hidden]` arrays as a state of charloop."""
    names = [name for name in ("hidden", "cell") if name in parts]
    return tuple({name: parts[name][layer] for name in names} for layer in range(LAYERS))


@every_unrolling
@every_golden
def test_a_torch_module_gives_the_same_here(cell, unrolling):
    """The `state_dict` is used unchanged; logits, states and the gradient of every weight and state are compared."""
    expected, config = golden(cell), ModelConfig(cell, (), LAYERS, HIDDEN, EMBED, unroll=unrolling)
    model = CharLM.build(config, VOCAB)
    state, characters = by_layer(expected["in"]), expected["in"]["characters"]

    @quick_jit
    def pull(params, characters, state, cotangents):
        given = params, state
        value, back = jax.vjp(lambda params, state: model.apply(params, characters, state), *given)
        return value, back(cotangents)

    weights = expected["cotangent"]["logits"], by_layer(expected["cotangent"])
    value, (to_params, to_state) = pull(expected["weights"], characters, state, weights)
    assert_close(value, (expected["out"]["logits"], by_layer(expected["out"])))
    assert_close(to_state, by_layer(expected["gradient"]))
    assert_close(to_params, {name: expected["gradient"][name] for name in expected["weights"]})


@every_unrolling
@every_golden
def test_layers_alone_give_the_same_outputs(cell, unrolling):
    """Cells and unrollings without the model around them."""
    expected = jax.tree.map(jnp.array, golden(cell))
    values, states = (
        expected["weights"]["embedding.weight"][expected["in"]["characters"]],
        by_layer(expected["in"]),
    )
    for layer, state in enumerate(states):
        params = layer_parameters(expected["weights"], layer)
        last, values = UNROLLINGS[unrolling](CELLS[cell](HIDDEN), params, values, state)
        assert_close(last, by_layer(expected["out"])[layer])
    assert_close(values, expected["out"]["outputs"])


@every_golden
def test_goldens_would_notice(cell):
    """No array of them is so small that its absence would pass."""
    for part, arrays in golden(cell).items():
        for name, array in arrays.items():
            assert np.abs(array).max() > 1e-2, (part, name)
