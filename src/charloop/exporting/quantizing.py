"""8-bit weights: each row of each matrix is rounded, and the cost is measured on the validation text."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from charloop.checkpoint.texts import read_split
from charloop.errors import CharloopError
from charloop.exporting.matrix import Matrix, quantize_rows
from charloop.progress import ProgressListener
from charloop.trained import TrainedModel

MEASURED_CHARACTERS = 200_000
"""About how many characters of the validation text are scored, from all over it."""


def quantize(network: TrainedModel) -> TrainedModel:
    """Return the network with each row of each matrix rounded as `quantize_rows` rounds it; vectors are kept."""
    rounded = {
        name: jnp.array(quantize_rows(np.asarray(value)).values) if value.ndim == 2 else value
        for name, value in network.params.items()
    }
    return replace(network, params=rounded)


def as_codes(values: np.ndarray) -> Matrix:
    """Return a matrix of a network that `quantize` rounded, as 8-bit codes.

    Float32 where a cell computes it from its parameters in a way that does not keep the rows' multiples.
    """
    made = quantize_rows(values)
    return made if np.allclose(made.values, values, rtol=1e-5, atol=0) else Matrix(values)


@dataclass(frozen=True)
class Cost:
    """Bits per character of the validation text with float32 weights, and with rounded ones."""

    before: float
    after: float
    characters: int

    @property
    def difference(self) -> float:
        """What rounding adds; below 0 if it helps by chance."""
        return self.after - self.before


def measure_cost(
    network: TrainedModel, rounded: TrainedModel, listener: ProgressListener | None = None
) -> Cost | CharloopError:
    """Return what rounding costs; or why it cannot be measured, such as a text that is no longer there."""
    if network.run is None:
        return CharloopError("the network was made in a program, without a validation text")
    try:
        tokens = read_split(network.run, "val", listener).tokens
        before, after = (
            one.score(tokens, MEASURED_CHARACTERS, listener=listener) for one in (network, rounded)
        )
    except CharloopError as reason:
        return reason
    return Cost(before.bits_per_character, after.bits_per_character, before.characters)


def spell_difference(bits: float) -> str:
    """Return a difference of bits per character with its sign, never -0.0000."""
    return f"{round(bits, 4) + 0.0:+.4f}"
