"""How much memory a training step is likely to need, from sizes alone."""

import jax

from charloop.config import RunConfig
from charloop.devices import choose_devices, make_mesh
from charloop.free_memory import free_memory
from charloop.model import CharLM

SAFE_SHARE = 0.5
"""Up to this share of free memory, a generous guess is enough: the program is not compiled beforehand."""
STATE_COPIES, FLOATS = 2, 3
"""Weights, moments, gradients and updates: for each weight and its two moments, one at rest and one on its way."""


def fits_memory(config: RunConfig, vocab_size: int) -> bool:
    """Return whether a training step surely fits into free memory; also if the system does not tell how much is free.

    Raises CharloopError for devices that are not there.
    """
    mesh = make_mesh(choose_devices(config.data.batch_size, config.training.devices))
    free = free_memory(mesh.devices.flat[0])
    if free is None:
        return True
    separate = mesh.devices.flat[0].platform != "cpu"
    model = CharLM.build(config.model, vocab_size)
    shares, copies = (mesh.size, 1) if separate else (1, mesh.size)
    state = STATE_COPIES * FLOATS * copies * 4 * sum(shape.size for shape in parameter_shapes(model).values())
    return bool(guess_chunk_bytes(config, model) // shares + state <= SAFE_SHARE * free)


def guess_chunk_bytes(config: RunConfig, model: CharLM) -> int:
    """Return more than the values of all time steps of a chunk are likely to need on all devices."""
    data = config.data
    width = 64 * model.config.hidden_size * model.config.num_layers + 8 * (
        model.vocab_size + model.input_size
    )
    return 4 * data.batch_size * data.seq_length * width


def parameter_shapes(model: CharLM) -> dict[str, jax.ShapeDtypeStruct]:
    """Return the shapes of the parameters, by name."""
    shapes: dict[str, jax.ShapeDtypeStruct] = jax.eval_shape(model.init, jax.random.key(0))
    return shapes
