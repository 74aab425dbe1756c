"""`nnx.RNN` alone, under `nnx.jit`; `seq_lengths` where rows end at different times."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

CELLS = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell, "rnn": nnx.SimpleCell}


def build(setting):
    units, shape = setting["units"], (setting["steps"], setting["batch"], setting["units"])
    layer = nnx.RNN(CELLS[setting["cell"]](units, units, rngs=nnx.Rngs(0)), time_major=True)
    inputs = jax.random.normal(jax.random.key(0), shape)
    lengths = None
    if setting["lengths"]:
        chance = np.random.default_rng(0)
        lengths = jnp.asarray(chance.integers(shape[0] // 2, shape[0] + 1, shape[1]))

    @nnx.jit
    def update(layer, inputs):
        def loss_of(layer, inputs):
            outputs = layer(inputs, seq_lengths=lengths)
            if lengths is not None:
                outputs = outputs * (jnp.arange(shape[0])[:, None] < lengths)[..., None]
            return (outputs**2).mean()

        return nnx.value_and_grad(loss_of, argnums=(0, 1))(layer, inputs)

    return lambda: jax.block_until_ready(update(layer, inputs)), {"flax": flax.__version__}
