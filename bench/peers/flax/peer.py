"""Flax NNX: `nnx.RNN` over `nnx.OptimizedLSTMCell`, `nnx.GRUCell` or `nnx.SimpleCell`, stepped under `nnx.jit`."""

import flax
import jax
import jax.numpy as jnp
import optax
from flax import nnx

CELLS = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell, "rnn": nnx.SimpleCell}


class Network(nnx.Module):
    def __init__(self, setting, rngs):
        hidden, size = setting["hidden_size"], setting["embed_size"]
        cell = CELLS[setting["cell"]]
        sizes = [size] + [hidden] * (setting["num_layers"] - 1)
        self.embedding = nnx.Embed(setting["vocab_size"], size, rngs=rngs)
        self.layers = nnx.List([nnx.RNN(cell(n, hidden, rngs=rngs), time_major=True) for n in sizes])
        self.readout = nnx.Linear(hidden, setting["vocab_size"], rngs=rngs)

    def __call__(self, characters, carry):
        features, last = self.embedding(characters), []
        for layer, state in zip(self.layers, carry, strict=True):
            state, features = layer(features, initial_carry=state, return_carry=True)
            last.append(state)
        return self.readout(features), last


def build(setting):
    if setting["cell"] not in CELLS:
        raise NotImplementedError(f"Flax has no {setting['cell']}")
    network = Network(setting, nnx.Rngs(0))
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-4))
    optimizer = nnx.Optimizer(network, rule, wrt=nnx.Param)
    rows, vocab = setting["batch_size"], setting["vocab_size"]
    text = jax.random.randint(jax.random.key(0), (setting["seq_length"] + 1, rows), 0, vocab)

    @nnx.jit
    def update(network, optimizer, carry):
        def loss_of(network):
            logits, last = network(text[:-1], carry)
            return optax.softmax_cross_entropy_with_integer_labels(logits, text[1:]).mean(), last

        (loss, last), gradient = nnx.value_and_grad(loss_of, has_aux=True)(network)
        optimizer.update(network, gradient)
        return loss, last

    zero = jnp.zeros((rows, setting["hidden_size"]))
    carry = [(zero, zero) if setting["cell"] == "lstm" else zero for _ in range(setting["num_layers"])]

    def step():
        nonlocal carry
        loss, carry = update(network, optimizer, carry)
        return float(loss)

    return step, {"flax": flax.__version__, "jax": jax.__version__}
