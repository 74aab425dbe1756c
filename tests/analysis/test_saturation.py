"""Gates of any cell: found in its step's trace, named after its blocks, counted as the equations say."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from analysis.networks import EXAMPLES, nested, network, slowly, tokens
from cells.gated import GatedCell
from cells.oracle import gates, normal, sigmoid
from charloop.analysis import measure_saturation
from charloop.analysis.gates import name_gates, step_with_gates
from charloop.cells import CELLS, Cell, make_cell
from charloop.errors import CharloopError
from charloop.model import layer_parameters
from charloop.trained import TrainedModel
from choosing import slow
from model.small import HIDDEN

LENGTH = 60


def pre_activations(made: TrainedModel, text: np.ndarray, layer: int):
    """`W x + b_ih` and `R h + b_hh` of a layer at each time step, cut into blocks, by the equations."""
    params = {k: np.asarray(v, float) for k, v in layer_parameters(made.params, layer).items()}
    states = slowly(made, text)[1]
    hidden = [[np.asarray(state[n]["hidden"][0], float) for state in states] for n in range(2)]
    table = np.asarray(made.params["embedding.weight"], float)
    before = [np.zeros(HIDDEN), *hidden[layer][:-1]]
    inputs = hidden[0] if layer else table[text]
    return [gates(params, x, h, made.model.cell.gates) for x, h in zip(inputs, before, strict=True)], params


def assert_shares(found, values) -> None:
    np.testing.assert_allclose(found.left, (np.array(values) < 0.1).mean(0), atol=1e-9)
    np.testing.assert_allclose(found.right, (np.array(values) > 0.9).mean(0), atol=1e-9)


@pytest.mark.parametrize("layer", [0, 1])
def test_the_three_gates_of_an_lstm(layer: int) -> None:
    made, text = network(), tokens(LENGTH)
    made = TrainedModel(made.model, {k: 3 * v for k, v in made.params.items()}, made.vocabulary, {})
    blocks, _ = pre_activations(made, text, layer)
    found = {gate.name: gate for gate in measure_saturation(made, text) if gate.layer == layer}
    assert set(found) == {"input", "forget", "output"}
    for number, name in ((0, "input"), (1, "forget"), (3, "output")):
        assert found[name].left.any()
        assert found[name].right.any()
        assert_shares(found[name], [sigmoid(a[number] + m[number]) for a, m in blocks])


@pytest.mark.parametrize("layer", [slow(0), 1])
def test_the_gates_of_a_gru_and_of_a_normalised_lstm(layer: int) -> None:
    made, text = network(cell="gru"), tokens(LENGTH)
    blocks, _ = pre_activations(made, text, layer)
    found = {gate.name: gate for gate in measure_saturation(made, text) if gate.layer == layer}
    assert set(found) == {"reset", "update"}
    for number, name in enumerate(("reset", "update")):
        assert_shares(found[name], [sigmoid(a[number] + m[number]) for a, m in blocks])
    made = network(cell="ln-lstm")
    blocks, params = pre_activations(made, text, layer)
    scale, shift = np.split(params["norm_scale"], 4), np.split(params["norm_shift"], 4)
    found = {gate.name: gate for gate in measure_saturation(made, text) if gate.layer == layer}
    assert_shares(found["forget"], [sigmoid(normal(a[1] + m[1]) * scale[1] + shift[1]) for a, m in blocks])


@pytest.mark.parametrize(
    ("name", "options", "names"),
    [
        ("lstm", (), {"input", "forget", "output"}),
        ("ln-lstm", ("normalize_cell=true",), {"input", "forget", "output"}),
        ("gru", (), {"reset", "update"}),
        ("gru", ("reset_after=false",), {"reset", "update"}),
        ("nas", (), {"block 0", "block 2", "block 5", "block 7", "block 6 + block 7"}),
        ("rnn", (), set()),
        (f"{EXAMPLES}/my_cells.py:SkipLSTM", (), {"input", "forget", "output"}),
        (f"{EXAMPLES}/my_cells.py:MultiplicativeLSTM", (), {"block 0", "block 1", "block 3"}),
    ],
)
def test_gates_are_called_after_their_blocks(name: str, options: tuple[str, ...], names: set[str]) -> None:
    found = name_gates(make_cell(CELLS, name, HIDDEN, options), 5)
    assert set(found) == names
    assert len(found) == len(names)


@pytest.mark.parametrize("name", sorted(CELLS))
def test_beside_the_gates_the_step_is_the_cells_own(name: str) -> None:
    cell = make_cell(CELLS, name, HIDDEN)
    params, inputs = cell.init(jax.random.key(0), 5), jax.random.normal(jax.random.key(1), (3, 5))
    state, output, _ = step_with_gates(cell, params, inputs, cell.initial_state(3))
    expected = cell.step(params, inputs, cell.initial_state(3))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), (state, output), expected)


def test_a_network_without_gates_has_none() -> None:
    assert measure_saturation(network(cell="rnn"), tokens(5)) == ()
    assert measure_saturation(nested(), tokens(5)) == ()


@jax.custom_jvp
def hidden_away(x: Any) -> Any:
    return jax.checkpoint(jax.jit(jax.nn.sigmoid))(x)


hidden_away.defjvps(lambda tangent, _, x: tangent * x)


@dataclass(frozen=True)
class Odd(GatedCell):
    """Gates inside calls; a logistic of weights alone, one of a single number, one in a loop; one gate twice."""

    gates = 2

    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:
        both = hidden_away(from_input + from_state)
        fixed = jax.nn.sigmoid(params["bias_ih"][: self.hidden_size])
        single = jax.nn.sigmoid(state["hidden"].sum(-1, keepdims=True))
        looped = lax.fori_loop(0, 2, lambda _, x: jax.nn.sigmoid(x), state["hidden"])
        again = jax.nn.sigmoid(2 * from_input[..., : self.hidden_size])
        own = jax.nn.sigmoid(state["hidden"])
        hidden = both[..., : self.hidden_size] * fixed + single * looped + again * own
        return {"hidden": hidden + both[..., self.hidden_size :]}, hidden


def test_only_what_moves_and_has_a_value_for_each_unit_is_a_gate() -> None:
    cell = Odd(HIDDEN)
    assert name_gates(cell, 5) == ("block 0", "block 1", "block 0 (2)", "gate")
    # With one batch row a logistic of weights has the shape of a gate.
    params = cell.init(jax.random.key(0), 5)
    assert len(step_with_gates(cell, params, jnp.ones((1, 5)), cell.initial_state(1))[2]) == 4


def test_a_cell_with_a_logistic_of_its_weights_is_counted_without_it() -> None:
    made = network(cell=f"{EXAMPLES}/my_cells.py:SkipLSTM")
    found = measure_saturation(made, tokens(5))
    assert sorted((gate.layer, gate.name) for gate in found) == [
        (layer, name) for layer in range(2) for name in ("forget", "input", "output")
    ]


def test_a_cell_that_names_its_blocks_must_name_all() -> None:
    class Short(Odd):
        block_names = ("one",)

    with pytest.raises(CharloopError, match=r"block_names of Short: got .*allowed: 2 names"):
        name_gates(Short(HIDDEN), 5)


@dataclass(frozen=True)
class Own(Cell):
    """Without the matrices that other cells have."""

    gates = 1

    def init(self, key: Any, input_size: int) -> Any:
        return {"mine": jax.random.normal(key, (input_size, self.hidden_size))}

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        hidden = jax.nn.sigmoid(inputs @ params["mine"] + state["hidden"])
        return {"hidden": hidden}, hidden


def test_a_cell_without_such_a_matrix_has_gates_all_the_same() -> None:
    assert name_gates(Own(HIDDEN), 5) == ("gate",)
    inputs = jnp.ones((1, 5))
    params = Own(HIDDEN).init(jax.random.key(0), 5)
    _, output, found = step_with_gates(Own(HIDDEN), params, inputs, Own(HIDDEN).initial_state(1))
    np.testing.assert_array_equal(found[0], output)


def test_no_text_is_refused() -> None:
    with pytest.raises(CharloopError, match="1 or more"):
        measure_saturation(network(), tokens(0))
