"""Keras 3 on JAX: `keras.layers.LSTM`, `GRU` or `SimpleRNN`, stateful, through `train_on_batch`."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}


def build(setting):
    if setting["cell"] not in CELLS:
        raise NotImplementedError(f"Keras has no {setting['cell']}")
    rows, length, vocab = setting["batch_size"], setting["seq_length"], setting["vocab_size"]
    layer = CELLS[setting["cell"]]
    hidden = setting["hidden_size"]
    network = keras.Sequential(
        [
            keras.Input(batch_shape=(rows, length), dtype="int32"),
            keras.layers.Embedding(vocab, setting["embed_size"]),
            *(layer(hidden, return_sequences=True, stateful=True) for _ in range(setting["num_layers"])),
            keras.layers.Dense(vocab),
        ]
    )
    network.compile(
        optimizer=keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    text = np.random.default_rng(0).integers(vocab, size=(rows, length + 1), dtype=np.int32)

    def step():
        return float(network.train_on_batch(text[:, :-1], text[:, 1:]))

    return step, {"keras": keras.__version__, "backend": keras.backend.backend()}
