"""State dicts of torch.nn: against the equations of its documentation, and against torch if it is installed."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.cells import CELLS, make_cell
from charloop.errors import CharloopError
from charloop.recurrent import Recurrent, Stack, from_torch, to_torch

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
INPUT, HIDDEN = 3, 5


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def module_step(kind: str, x: Any, h: Any, c: Any, w: Any, r: Any, b: Any, b_state: Any) -> Any:
    """Compute a layer by the equations of torch's documentation."""
    ours, states = w @ x + b, r @ h + b_state
    if kind == "rnn":
        return np.tanh(ours + states), c
    if kind == "gru":
        (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(ours, 3), np.split(states, 3)
        z = sigmoid(z_x + z_h)
        return (1 - z) * np.tanh(n_x + sigmoid(r_x + r_h) * n_h) + z * h, c
    i, f, g, o = np.split(ours + states, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def state_dict(kind: str, layers: int, *, bias: bool) -> dict[str, np.ndarray]:
    random, rows = np.random.default_rng(0), GATES[kind] * HIDDEN
    found = {}
    for n in range(layers):
        shapes = {"weight_ih": (rows, HIDDEN if n else INPUT), "weight_hh": (rows, HIDDEN)}
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
        found |= {f"{name}_l{n}": random.normal(size=s).astype(np.float32) for name, s in shapes.items()}
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", GATES)
def test_it_computes_what_the_documentation_says_and_goes_back(kind: str, layers: int, bias: bool) -> None:
    given = state_dict(kind, layers, bias=bias)
    stack = Stack([Recurrent(kind, HIDDEN)] * layers)
    params = from_torch(stack, given)
    inputs = np.random.default_rng(1).normal(size=(4, 1, INPUT)).astype(np.float32)
    expected = inputs[:, 0]
    for n in range(layers):
        h, c, outputs = np.zeros(HIDDEN), np.zeros(HIDDEN), []
        named = [given.get(f"{name}_l{n}", 0.0) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        for x in expected:
            h, c = module_step(kind, x, h, c, *named)
            outputs.append(h)
        expected = np.stack(outputs)
    np.testing.assert_allclose(stack.apply(params, inputs)[0][:, 0], expected, rtol=1e-5, atol=1e-5)
    back = to_torch(stack, params)
    assert back.keys() == given.keys()
    assert all(np.array_equal(back[name], given[name]) for name in given)


def test_one_layer_needs_no_stack() -> None:
    layer, given = Recurrent("lstm", HIDDEN), state_dict("lstm", 1, bias=True)
    params = from_torch(layer, given)
    assert params.keys() == layer.init(jax.random.key(0), INPUT).keys()
    assert to_torch(layer, params).keys() == given.keys()


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    layer, given = Recurrent("lstm", HIDDEN), state_dict("lstm", 1, bias=True)
    wrong = {
        "bidirectional": (layer, given | {"weight_ih_l0_reverse": given["weight_ih_l0"]}),
        "proj_size": (layer, given | {"weight_hr_l0": given["weight_hh_l0"]}),
        "float64": (layer, {name: value.astype(np.float64) for name, value in given.items()}),
        "num_layers=1": (layer, state_dict("lstm", 2, bias=True)),
        "num_layers=2": (Stack([layer] * 2), given),
        "names of a state dict": (layer, {f"rnn.{name}": value for name, value in given.items()}),
        "torch.nn.GRU": (Recurrent("gru", HIDDEN), given),
        "NAS": (Recurrent("nas", HIDDEN), given),
        "OriginalGRU": (Recurrent(make_cell(CELLS, "gru", HIDDEN, ["reset_after=false"])), given),
        "without cap_input": (Recurrent(make_cell(CELLS, "lstm", HIDDEN, ["cap_input=true"])), given),
        "shape of bias_hh_l0": (layer, {n: v for n, v in given.items() if n != "bias_hh_l0"}),
    }
    for words, (one, state) in wrong.items():
        with pytest.raises(CharloopError, match=words) as caught:
            from_torch(one, state)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", GATES)
def test_it_computes_what_torch_computes(kind: str, bias: bool) -> None:
    torch = pytest.importorskip("torch")
    module = getattr(torch.nn, kind.upper())(INPUT, HIDDEN, num_layers=2, bias=bias)
    stack = Stack([Recurrent(kind, HIDDEN)] * 2)
    params = from_torch(stack, module.state_dict())
    inputs = np.random.default_rng(1).normal(size=(7, 2, INPUT)).astype(np.float32)
    expected = module(torch.from_numpy(inputs))[0].detach().numpy()
    np.testing.assert_allclose(stack.apply(params, inputs)[0], expected, rtol=1e-5, atol=1e-5)
    changed = {name: 2 * value for name, value in params.items()}
    module.load_state_dict({n: torch.from_numpy(v) for n, v in to_torch(stack, changed).items()})
    expected = module(torch.from_numpy(inputs))[0].detach().numpy()
    np.testing.assert_allclose(stack.apply(changed, jnp.array(inputs))[0], expected, rtol=1e-5, atol=1e-5)
