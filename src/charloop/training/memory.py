"""The memory that a training step needs, as XLA has planned it, compared with what is free."""

import math

import jax

from charloop.auto.fitting import SAFE_SHARE, guess_chunk_bytes
from charloop.errors import UntrainableError
from charloop.free_memory import free_memory
from charloop.training.session import TrainingSession

CERTAIN, DOUBTFUL = 0.95, 0.8
"""The shares of free memory above which a step is refused, and above which there is a note. XLA is right to 5 %."""
FITTING = 0.75
"""The share of free memory that sizes are suggested for."""


def check_memory(session: TrainingSession, *, resumed: bool = False) -> list[str]:
    """Return a note if training may need more memory than is free, before anything of it is allocated.

    Raises UntrainableError with the largest sizes that fit if it certainly does: those of a new run for a `resumed`
    one, whose sizes cannot change.
    """
    free = free_memory(session.mesh.devices.flat[0])
    if free is None or guess_bytes(session) <= SAFE_SHARE * free:
        return []
    needed = measure_bytes(session)
    if needed <= DOUBTFUL * free:
        return []
    advice = name_fitting(session, needed, FITTING * free, resumed=resumed)
    if needed <= CERTAIN * free:
        return [
            f"a step needs about {_gigabytes(needed)} of memory, and {_gigabytes(free)} are free; {advice}"
        ]
    data = session.config.data
    raise UntrainableError(
        f"a step of {data.batch_size} x {data.seq_length} characters needs about {_gigabytes(needed)} of memory, "
        f"and {_gigabytes(free)} are free",
        do=advice,
    )


def guess_bytes(session: TrainingSession) -> int:
    """Return more than a step on one device (of a processor: on all) is likely to need."""
    return guess_chunk_bytes(session.config, session.model) // _shares(session) + state_bytes(session)


def measure_bytes(session: TrainingSession) -> int:
    """Return how much a step needs with its arguments, as XLA plans it. This compiles the step's program.

    Of a GPU, what each needs; of a processor, what all of its cores need together.
    """
    analysis = session.train_steps.lower(*session.step_shapes).compile().memory_analysis()
    cores = session.mesh.size // _shares(session)
    used = analysis.temp_size_in_bytes + analysis.argument_size_in_bytes if analysis else 0
    return int(used) * cores


def name_fitting(session: TrainingSession, needed: int, free: float, *, resumed: bool) -> str:
    """Return which sequence length or batch size needs at most `free` bytes, in words; for whom, if not this run."""
    fixed = min(state_bytes(session), needed // 2)
    share, data = (free - fixed) / (needed - fixed), session.config.data
    sizes = [("--seq-length", data.seq_length * share), ("--batch-size", data.batch_size * share)]
    fitting = [f"{flag} {_round_down(size)}" for flag, size in sizes if size >= 1]
    advice = f"{' or '.join(fitting)} fits"
    if not resumed:
        return advice if fitting else "lower --hidden-size"
    new = f", or go on in a new run, where {advice}: --init-from {session.folder.path}" if fitting else ""
    return f"end other programs{new}"


def state_bytes(session: TrainingSession) -> int:
    """Return what needs memory whatever the sizes of a chunk: weights, moments, gradients and updates."""
    state = session.state_shapes
    leaves: list[jax.ShapeDtypeStruct] = jax.tree.leaves((state.params, state.optimizer, state.average))
    copies = session.mesh.size // _shares(session)
    return 2 * copies * sum(int(math.prod(leaf.shape)) * int(leaf.dtype.itemsize) for leaf in leaves)


def _shares(session: TrainingSession) -> int:
    """Return how many separate memories the step is divided among."""
    return session.mesh.size if session.mesh.devices.flat[0].platform != "cpu" else 1


def _round_down(size: float) -> int:
    """Return a number with two significant digits, at most `size`, which is at least 1."""
    unit: int = 10 ** max(0, int(math.log10(size)) - 1)
    return int(size) // unit * unit


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2g} GB" if size < 1e10 else f"{size / 1e9:,.0f} GB"
