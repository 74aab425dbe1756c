"""Small trained networks, one with a memory of its own kind, and the plain recurrence that they are compared with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from charloop.cells import Cell
from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM, layer_parameters
from charloop.trained import TrainedModel
from model.small import EMBED, HIDDEN, VOCAB, build, weights

EXAMPLES = Path(__file__).parents[2] / "examples"
SYMBOLS = tuple("abcdefghijk")


@dataclass(frozen=True)
class Nested(Cell):
    """A cell whose memory is a tree, one leaf of it with an axis more than others."""

    gates = 1

    def initial_state(self, batch_size: int) -> Any:
        pair = jnp.zeros((batch_size, 2, self.hidden_size))
        return {"hidden": jnp.zeros((batch_size, self.hidden_size)), "memory": {"slow": {"pair": pair}}}

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        pair = state["memory"]["slow"]["pair"]
        read = inputs @ params["weight_ih"].T + state["hidden"] @ params["weight_hh"].T + pair.sum(1)
        hidden = jnp.tanh(read)
        pair = 0.9 * pair + jnp.stack([hidden, -2 * jax.nn.relu(hidden)], axis=1)
        return {"hidden": hidden, "memory": {"slow": {"pair": pair}}}, hidden


def network(**settings: Any) -> TrainedModel:
    """Two layers of 7 units over 11 characters, or as `settings` say."""
    return trained(build(**settings))


def nested() -> TrainedModel:
    """The same of `Nested` cells."""
    config = ModelConfig(num_layers=2, hidden_size=HIDDEN, embed_size=EMBED)
    return trained(CharLM(config, VOCAB, Nested(HIDDEN)))


def trained(model: CharLM) -> TrainedModel:
    return TrainedModel(model, weights(model), Vocabulary(SYMBOLS), {})


def tokens(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, VOCAB, length)


def slowly(network: TrainedModel, text: np.ndarray) -> tuple[np.ndarray, list[list[Any]]]:
    """Logits `[time, vocab]`, and for each token all states: one batch row, time step and layer at a time."""
    model, params = network.model, network.params
    table = params.get("embedding.weight", np.eye(VOCAB, dtype=np.float32))
    readout = params["embedding.weight" if model.config.tie_embedding else "readout.weight"]
    step = jax.jit(model.cell.step)
    memory, logits, states = list(model.initial_state(1)), [], []
    for token in text:
        x = jnp.array(table)[int(token)][None]
        for layer in range(model.config.num_layers):
            memory[layer], x = step(layer_parameters(params, layer), x, memory[layer])
        logits.append(np.asarray(x[0] @ readout.T + params["readout.bias"], float))
        states.append(list(memory))
    return np.array(logits), states
