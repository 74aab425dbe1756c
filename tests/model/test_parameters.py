"""Which weights there are: counted by hand, and named as PyTorch names them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.cells import CELLS
from charloop.errors import CharloopError
from charloop.model import count_parameters, layer_parameters
from model.small import EMBED, HIDDEN, VOCAB, build, weights

H = HIDDEN
LAYER = {
    "rnn": lambda size: H * size + H * H + 2 * H,
    "gru": lambda size: 3 * (H * size + H * H + 2 * H),
    "lstm": lambda size: 4 * (H * size + H * H + 2 * H),
    "ln-lstm": lambda size: 4 * (H * size + H * H) + 2 * 4 * H,
    "nas": lambda size: 8 * (H * size + H * H),
}
"""A layer's parameters by the size of its input."""
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def shapes(**settings: object) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in weights(build(**settings)).items()}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_every_layer_has_its_own_parameters(cell: str, layers: int) -> None:
    recurrent = LAYER[cell](EMBED) + (layers - 1) * LAYER[cell](H)
    expected = VOCAB * EMBED + recurrent + VOCAB * H + VOCAB
    assert count_parameters(weights(build(cell=cell, num_layers=layers))) == expected


def test_the_tutorials_network_has_the_known_number() -> None:
    assert count_parameters(weights(build(num_layers=3))) == 55 + 392 + 2 * 448 + 88


def test_layers_start_different_from_one_another() -> None:
    params = jax.jit(build(num_layers=3).init)(jax.random.key(0))
    second, third = (layer_parameters(params, layer)["weight_hh"] for layer in (1, 2))
    assert not jnp.array_equal(second, third)


@pytest.mark.parametrize(("cell", "gates"), GATES.items())
def test_names_and_shapes_are_a_torch_modules(cell: str, gates: int) -> None:
    """`state_dict()` of a module with the attributes embedding, rnn and readout, written down by hand."""
    rows = gates * H
    assert shapes(cell=cell) == {
        "embedding.weight": (VOCAB, EMBED),
        "rnn.weight_ih_l0": (rows, EMBED),
        "rnn.weight_hh_l0": (rows, H),
        "rnn.bias_ih_l0": (rows,),
        "rnn.bias_hh_l0": (rows,),
        "rnn.weight_ih_l1": (rows, H),
        "rnn.weight_hh_l1": (rows, H),
        "rnn.bias_ih_l1": (rows,),
        "rnn.bias_hh_l1": (rows,),
        "readout.weight": (VOCAB, H),
        "readout.bias": (VOCAB,),
    }


def test_the_tenth_layer_is_not_taken_for_the_first() -> None:
    params = weights(build(cell="rnn", num_layers=11))
    assert sorted(layer_parameters(params, 0)) == ["bias_hh", "bias_ih", "weight_hh", "weight_ih"]
    assert jnp.array_equal(layer_parameters(params, 10)["weight_hh"], params["rnn.weight_hh_l10"])


def test_one_hot_has_no_embedding() -> None:
    assert "embedding.weight" not in shapes(embed_size=0)
    assert shapes(embed_size=0)["rnn.weight_ih_l0"] == (4 * H, VOCAB)


def test_a_tied_embedding_is_one_matrix() -> None:
    tied, apart = shapes(embed_size=H, tie_embedding=True), shapes(embed_size=H)
    assert apart.keys() - tied.keys() == {"readout.weight"}


def test_sizes_that_cannot_be_tied_are_refused() -> None:
    with pytest.raises(CharloopError, match=f"embed-size {EMBED}, hidden-size {H}"):
        build(tie_embedding=True)


def test_the_same_key_gives_the_same_weights_and_another_others() -> None:
    first, same, other = (jax.jit(build().init)(jax.random.key(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], same[name]) for name in first)
    assert not np.array_equal(first["readout.weight"], other["readout.weight"])
