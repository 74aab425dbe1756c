"""Names, shapes and initial values of a cell's weights."""

from functools import cache

import jax
import numpy as np
import pytest

from cells.runs import INPUT
from cells.table import CASES, HIDDEN
from charloop.cells import CELLS

PRODUCTS = {"weight_ih": ("gates", INPUT), "weight_hh": ("gates", HIDDEN)}
BIASES = {"bias_ih": ("gates",), "bias_hh": ("gates",)}
NORMS = {"norm_scale": ("gates",), "norm_shift": ("gates",)}
WEIGHTS = {
    "rnn": (1, PRODUCTS | BIASES),
    "gru": (3, PRODUCTS | BIASES),
    "gru reset_after=false": (3, PRODUCTS | BIASES),
    "lstm": (4, PRODUCTS | BIASES),
    "lstm cap_input=true": (4, PRODUCTS | BIASES),
    "ln-lstm": (4, PRODUCTS | NORMS),
    "ln-lstm normalize_cell=true": (4, PRODUCTS | NORMS | {"cell_scale": (HIDDEN,), "cell_shift": (HIDDEN,)}),
    "nas": (8, PRODUCTS),
    "SkipLSTM": (4, PRODUCTS | BIASES | {"skip": (HIDDEN,)}),
    "MultiplicativeLSTM": (
        4,
        PRODUCTS | BIASES | {"weight_im": (HIDDEN, INPUT), "weight_hm": (HIDDEN, HIDDEN)},
    ),
}
STATES = {"rnn": 1, "gru": 1, "gru reset_after=false": 1, "SkipLSTM": 3}
"""Number of parts of the state, if not two."""
WRITTEN = [case for case in CASES if case.label in WEIGHTS]
every_cell = pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case.label)


@cache
def start(case, seed=0):
    return jax.device_get(jax.jit(case.build().init, static_argnums=1)(jax.random.key(seed), INPUT))


@every_cell
def test_names_and_shapes_are_those_listed_here(case):
    gates, shapes = WEIGHTS[case.label]
    expected = {n: tuple(gates * HIDDEN if s == "gates" else s for s in shape) for n, shape in shapes.items()}
    assert {name: value.shape for name, value in start(case).items()} == expected


@every_cell
def test_the_state_has_its_parts(case):
    state = case.build().initial_state(3)
    assert list(state) == ["hidden", "cell", "cell_before"][: STATES.get(case.label, 2)]
    assert {leaf.shape for leaf in jax.tree.leaves(state)} == {(3, HIDDEN)}


@every_cell
def test_input_matrices_start_with_the_variance_of_one_over_the_input(case):
    """Uniform within ±sqrt(3/input), nearly up to both ends, each matrix with its own draws."""
    first, second, bound = start(case), start(case, seed=1), (3 / INPUT) ** 0.5
    value = first["weight_ih"]
    assert -bound <= value.min() < -0.8 * bound
    assert 0.8 * bound < value.max() <= bound
    assert not np.array_equal(value, second["weight_ih"])


@every_cell
def test_recurrent_matrices_start_orthogonal_gate_by_gate(case):
    gates = start(case)["weight_hh"].reshape(-1, HIDDEN, HIDDEN)
    for gate in gates:
        np.testing.assert_allclose(gate @ gate.T, np.eye(HIDDEN), atol=1e-5)
    assert not any(np.array_equal(gates[0], gate) for gate in gates[1:])


@pytest.mark.parametrize(
    ("name", "shift"), [("lstm", "bias_ih"), ("SkipLSTM", "bias_ih"), ("ln-lstm", "norm_shift")]
)
def test_the_forget_gate_bias_starts_at_one(name, shift):
    (case,) = (case for case in CASES if case.label == name)
    assert start(case)[shift].tolist() == [0.0] * HIDDEN + [1.0] * HIDDEN + [0.0] * 2 * HIDDEN


@every_cell
def test_all_other_vectors_start_at_zero_or_one(case):
    for name, value in start(case).items():
        if name in ("bias_hh", "cell_shift") or (name == "bias_ih" and "LSTM" not in case.label.upper()):
            assert not value.any(), name
        if name.endswith("_scale"):
            assert (value == 1).all(), name


def test_every_registered_cell_is_listed_here():
    assert set(CELLS) <= WEIGHTS.keys()


@every_cell
def test_no_two_parameters_share_their_memory(case):
    """The training step donates its buffers: one shared by two parameters would be donated twice."""
    params = case.build().init(jax.random.key(0), INPUT)
    pointers = [value.unsafe_buffer_pointer() for value in params.values()]
    assert len(set(pointers)) == len(pointers)
