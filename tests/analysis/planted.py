"""A network with weights set by hand: one unit stands up at an opening quote and lies down at a closing one."""

import jax.numpy as jnp
import numpy as np

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.trained import TrainedModel

HIDDEN, UNIT = 9, 4
LETTERS = "abcdefg ,"


def quoted_text(length: int, seed: int = 0) -> str:
    """Random letters, with quotes that open and close here and there."""
    random, text, opened = np.random.default_rng(seed), [], False
    for _ in range(length):
        turn = random.random() < 0.04
        text.append("“”"[opened] if turn else str(random.choice(list(LETTERS))))
        opened ^= turn
    return "".join(text)


def latching(cell: str, sign: int = 1) -> TrainedModel:
    """An `rnn` or `lstm` of random weights but for `UNIT`, which is `sign` inside the quotes."""
    vocabulary = Vocabulary.of_text("“”" + LETTERS)
    config = ModelConfig(cell=cell, num_layers=1, hidden_size=HIDDEN, embed_size=0)
    model, random = CharLM.build(config, vocabulary.size), np.random.default_rng(1)
    gates = model.cell.gates
    params = {
        "rnn.weight_ih_l0": random.normal(0, 1, (gates, HIDDEN, vocabulary.size)),
        "rnn.weight_hh_l0": random.normal(0, 0.3, (gates, HIDDEN, HIDDEN)),
        "rnn.bias_ih_l0": np.zeros((gates, HIDDEN)),
    }
    for values in params.values():
        values[:, UNIT] = 0
    # No other unit hears it, or they would follow too.
    params["rnn.weight_hh_l0"][:, :, UNIT] = 0
    opening, closing = vocabulary.encode("“”")
    value = params["rnn.weight_ih_l0"][0 if cell == "rnn" else 2, UNIT]
    value[[opening, closing]] = 8 * sign, -8 * sign
    if cell == "rnn":
        params["rnn.weight_hh_l0"][0, UNIT, UNIT] = 3
        params["rnn.bias_ih_l0"][0, UNIT] = -0.1 * sign
    else:
        # It writes at a quote, and at nothing else; what it has it keeps till then, and always shows.
        write, forget, _, show = params["rnn.bias_ih_l0"]
        write[UNIT], forget[UNIT], show[UNIT] = -8, 8, 8
        params["rnn.weight_ih_l0"][0, UNIT, [opening, closing]] = 16
        params["rnn.weight_ih_l0"][1, UNIT, [opening, closing]] = -16
    flat = {name: values.reshape(gates * HIDDEN, *values.shape[2:]) for name, values in params.items()}
    flat |= {"rnn.bias_hh_l0": np.zeros(gates * HIDDEN)}
    flat |= {
        "readout.weight": random.normal(0, 1, (vocabulary.size, HIDDEN)),
        "readout.bias": np.zeros(vocabulary.size),
    }
    return TrainedModel(model, {name: jnp.array(v, jnp.float32) for name, v in flat.items()}, vocabulary, {})
