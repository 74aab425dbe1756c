"""Arguments that do not fit are refused in one line, before JAX refuses them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.errors import CharloopError
from charloop.recurrent import Recurrent, Stack

TIME, BATCH, INPUT = 5, 3, 4
LAYER = Recurrent("lstm", 6)
PARAMS = LAYER.init(jax.random.key(0), INPUT)
INPUTS = np.random.default_rng(0).normal(size=(TIME, BATCH, INPUT)).astype(np.float32)
STATE = LAYER.initial_state(BATCH)


def call(*given: Any, layer: Any = LAYER, **named: Any) -> Callable[[], Any]:
    arguments = (*given, *(PARAMS, INPUTS)[len(given) :])
    return lambda: layer.apply(*arguments, **named)


WRONG = {
    "inputs: got 'float32[3, 4]'; allowed: [time, batch, input]": call(PARAMS, INPUTS[0]),
    "[4]; allowed: [24, 4]": call({**PARAMS, "weight_ih": np.zeros(4, np.float32)}),
    "parameter 'weight_ih': got [24, 4]; allowed: [24, 2] for inputs of 2 features": call(
        PARAMS, INPUTS[..., :2]
    ),
    "numbers of inputs: got 'int32'; allowed: float32": call(PARAMS, INPUTS.astype(np.int32)),
    "numbers of parameter 'weight_ih': got 'int32'": call(
        PARAMS | {"weight_ih": jnp.zeros((24, 4), jnp.int32)}
    ),
    "parameter 'weight_hh' is missing": call({n: v for n, v in PARAMS.items() if n != "weight_hh"}),
    "parameter 'weight' does not belong to this layer": call(PARAMS | {"weight": INPUTS}),
    "state: got 'float32[2, 6]'; allowed: float32[3, 6] for a batch of 3": call(
        PARAMS, INPUTS, LAYER.initial_state(2)
    ),
    "structure of the state": call(PARAMS, INPUTS, (STATE,)),
    "resets: got 'bool[3, 5]'; allowed: [time, batch] = [5, 3]": call(resets=np.zeros((BATCH, TIME), bool)),
    "resets: got 'float32[5, 3]'; allowed: bool; pass resets != 0": call(
        resets=np.zeros((TIME, BATCH), np.float32)
    ),
    "lengths: got 'int32[5]'; allowed: [batch] = [3]": call(lengths=np.ones(TIME, np.int32)),
    "lengths: got 'float32[3]'; allowed: integers": call(lengths=np.ones(BATCH, np.float32)),
    "a layer with dropout needs a key": call(
        {f"{n}_l{i}": v for i in range(2) for n, v in (PARAMS, LAYER.init(jax.random.key(0), 6))[i].items()},
        layer=Stack([LAYER] * 2, dropout=0.1),
    ),
    'build the layer with unroll="scan"': lambda: jax.jvp(
        lambda x: call(PARAMS, x)()[0], (INPUTS,), (INPUTS,)
    ),
    "hidden_size of a layer": lambda: Recurrent("lstm"),
    "hidden_size of a layer: got 0": lambda: Recurrent("lstm", 0),
    "hidden_size of a layer: got 7; allowed: 6": lambda: Recurrent(LAYER.cell, 7),
    "did you mean 'lstm'": lambda: Recurrent("lsmt", 6),
    "did you mean 'fused'": lambda: Recurrent("lstm", 6, "fuse"),
    "dropout: got 1.0": lambda: Stack([LAYER], dropout=1.0),
    "dropout_kind: got 'none'": lambda: Stack([LAYER], dropout_kind="none"),
    "batch_major of a layer in a stack": lambda: Stack([Recurrent("lstm", 6, batch_major=True)]),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_argument_is_refused_in_one_line(words: str) -> None:
    with pytest.raises(CharloopError) as caught:
        WRONG[words]()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_batch_major_errors_name_their_own_axis_order() -> None:
    turned = Recurrent("lstm", 6, batch_major=True)
    with pytest.raises(CharloopError, match=r"\[batch, time\] = \[3, 5\]"):
        turned.apply(PARAMS, INPUTS.swapaxes(0, 1), resets=np.zeros((TIME, BATCH), bool))


def test_float64_is_refused_if_jax_has_it_enabled() -> None:
    with jax.enable_x64(True), pytest.raises(CharloopError, match="got 'float64'"):
        LAYER.apply(PARAMS, jnp.array(INPUTS, jnp.float64))


def test_empty_and_single_sizes() -> None:
    for time, batch in ((0, 3), (3, 0), (1, 1)):
        outputs, state = LAYER.apply(PARAMS, np.zeros((time, batch, INPUT), np.float32))
        assert outputs.shape == (time, batch, 6)
        assert state["cell"].shape == (batch, 6)


def test_a_layer_is_float32_if_jax_defaults_to_float64() -> None:
    with jax.enable_x64(True):
        params, state = LAYER.init(jax.random.key(0), INPUT), LAYER.initial_state(BATCH)
        outputs, _ = LAYER.apply(params, jnp.array(INPUTS), state)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, state, outputs))} == {jnp.dtype("float32")}
