"""`charloop.recurrent` in a plain `jax.jit`: its loop runs on one core."""

from importlib.metadata import version

import jax
import layer


def build(setting):
    loss_of, params, inputs, ends = layer.make(setting)
    update = jax.jit(lambda params, inputs: jax.value_and_grad(loss_of, (0, 1))(params, inputs, ends))
    return lambda: jax.block_until_ready(update(params, inputs)), {"charloop": version("charloop")}
