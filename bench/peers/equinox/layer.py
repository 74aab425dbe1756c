"""Equinox: a cell of `eqx.nn` over one sequence in `lax.scan`, `vmap`ped over the batch, as its examples do.

It has no plain RNN. Rows that end at different times are left to its users, who keep the old state beyond the end.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

CELLS = {"lstm": eqx.nn.LSTMCell, "gru": eqx.nn.GRUCell}


def build(setting):
    if setting["cell"] not in CELLS:
        raise NotImplementedError(f"Equinox has no {setting['cell']}")
    units, shape = setting["units"], (setting["steps"], setting["batch"], setting["units"])
    cell = CELLS[setting["cell"]](units, units, key=jax.random.key(1))
    inputs = jax.random.normal(jax.random.key(0), shape)
    lengths = jnp.full(shape[1], shape[0])
    if setting["lengths"]:
        chance = np.random.default_rng(0)
        lengths = jnp.asarray(chance.integers(shape[0] // 2, shape[0] + 1, shape[1]))

    def read(cell, sequence, length):
        zero = jnp.zeros(units)

        def one(state, step):
            time, value = step
            new = cell(value, state)
            if not setting["lengths"]:
                return new, new[0] if setting["cell"] == "lstm" else new
            alive = time < length
            kept = jax.tree.map(lambda after, before: jnp.where(alive, after, before), new, state)
            return kept, jnp.where(alive, new[0] if setting["cell"] == "lstm" else new, 0)

        begin = (zero, zero) if setting["cell"] == "lstm" else zero
        return jax.lax.scan(one, begin, (jnp.arange(shape[0]), sequence))[1]

    @eqx.filter_jit
    def update(cell, inputs):
        def loss_of(both):
            cell, inputs = both
            outputs = jax.vmap(read, (None, 1, 0), 1)(cell, inputs, lengths)
            return (outputs**2).mean()

        return eqx.filter_value_and_grad(loss_of)((cell, inputs))

    return lambda: jax.block_until_ready(update(cell, inputs)), {"equinox": eqx.__version__}
