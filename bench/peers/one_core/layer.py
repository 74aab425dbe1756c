"""`charloop.recurrent` in a plain `jax.jit`: its loop runs on one core."""

from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np

from charloop.recurrent import Recurrent


def build(setting):
    layer = Recurrent(setting["cell"], setting["units"])
    shape = (setting["steps"], setting["batch"], setting["units"])
    inputs = jax.random.normal(jax.random.key(0), shape)
    params = layer.init(jax.random.key(1), setting["units"])
    lengths = np.random.default_rng(0).integers(shape[0] // 2, shape[0] + 1, shape[1])
    marks = {"lengths": jnp.asarray(lengths)} if setting["lengths"] else {}

    @jax.jit
    def update(params, inputs):
        def loss_of(params, inputs):
            outputs, _ = layer.apply(params, inputs, **marks)
            return (outputs**2).mean()

        return jax.value_and_grad(loss_of, (0, 1))(params, inputs)

    return lambda: jax.block_until_ready(update(params, inputs)), {"charloop": version("charloop")}
