"""`charloop.recurrent`, its batch shared out over the cores (docs/own-loop.md), for `layers.py`."""

from functools import partial
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from charloop.devices import use_all_cores
from charloop.recurrent import Recurrent


def build(setting):
    use_all_cores()
    layer = Recurrent(setting["cell"], setting["units"])
    mesh = Mesh(jax.devices(), ("batch",))
    whole, rows, row = PartitionSpec(), PartitionSpec(None, "batch"), PartitionSpec("batch")
    shape = (setting["steps"], setting["batch"], setting["units"])
    # Where training keeps them, so that a step moves nothing.
    place = {spec: NamedSharding(mesh, spec) for spec in (whole, rows, row)}
    inputs = jax.device_put(jax.random.normal(jax.random.key(0), shape), place[rows])
    params = jax.device_put(layer.init(jax.random.key(1), setting["units"]), place[whole])
    lengths = np.random.default_rng(0).integers(shape[0] // 2, shape[0] + 1, shape[1])
    marks = {"lengths": jax.device_put(jnp.asarray(lengths), place[row])} if setting["lengths"] else {}

    @jax.jit
    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(whole, rows, dict.fromkeys(marks, row)),
        out_specs=(whole, (whole, rows)),
        check_vma=False,
    )
    def update(params, inputs, marks):
        def loss_of(params, inputs):
            outputs, _ = layer.apply(params, inputs, **marks)
            return (outputs**2).mean()

        loss, (of_params, of_inputs) = jax.value_and_grad(loss_of, (0, 1))(params, inputs)
        return jax.lax.pmean(loss, "batch"), (jax.lax.pmean(of_params, "batch"), of_inputs)

    return lambda: jax.block_until_ready(update(params, inputs, marks)), {"charloop": version("charloop")}
