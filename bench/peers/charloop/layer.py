"""`charloop.recurrent`, its batch shared out over the cores (docs/own-loop.md)."""

from functools import partial
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from charloop.devices import use_all_cores
from charloop.recurrent import Recurrent


def make(setting):
    """Return the function from parameters, inputs and lengths to the loss, and these arguments."""
    layer = Recurrent(setting["cell"], setting["units"])
    shape = (setting["steps"], setting["batch"], setting["units"])
    inputs = jax.random.normal(jax.random.key(0), shape)
    params = layer.init(jax.random.key(1), setting["units"])
    lengths = np.random.default_rng(0).integers(shape[0] // 2, shape[0] + 1, shape[1])

    def loss_of(params, inputs, ends):
        outputs, _ = layer.apply(params, inputs, **ends)
        return (outputs**2).mean()

    return loss_of, params, inputs, {"lengths": jnp.asarray(lengths)} if setting["lengths"] else {}


def build(setting):
    use_all_cores()
    loss_of, params, inputs, ends = make(setting)
    mesh = Mesh(jax.devices(), ("batch",))
    whole, rows, row = PartitionSpec(), PartitionSpec(None, "batch"), PartitionSpec("batch")
    # Where training keeps them, so that a step moves nothing.
    params, inputs, ends = (
        jax.device_put(value, NamedSharding(mesh, spec))
        for value, spec in ((params, whole), (inputs, rows), (ends, row))
    )

    @jax.jit
    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(whole, rows, dict.fromkeys(ends, row)),
        out_specs=(whole, (whole, rows)),
        check_vma=False,
    )
    def update(params, inputs, ends):
        loss, (of_params, of_inputs) = jax.value_and_grad(loss_of, (0, 1))(params, inputs, ends)
        return jax.lax.pmean(loss, "batch"), (jax.lax.pmean(of_params, "batch"), of_inputs)

    return lambda: jax.block_until_ready(update(params, inputs, ends)), {"charloop": version("charloop")}
