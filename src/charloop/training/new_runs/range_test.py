"""The learning-rate range test (Smith 2017, section 3.3): a short run in which the rate rises, to find a good one."""

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optax
from jaxtyping import Float

from charloop.config import RunConfig
from charloop.data import GivenText
from charloop.errors import CharloopError
from charloop.progress import Progress, ProgressListener
from charloop.training.new_runs.preparing import check_given, prepare_run
from charloop.training.progress import find_listener
from charloop.training.session import TrainingSession
from charloop.training.state import TrainingState
from charloop.training.step import UpdateMetrics

LOWEST, HIGHEST = 1e-5, 10.0
"""The first and the last learning rate; SGD on clipped gradients may want one above 1."""
MIN_UPDATES, MAX_UPDATES = 50, 200
"""A test has as many updates as the run it is for, within these limits."""
SMOOTHING = 0.1
"""Standard deviation of the Gaussian over which losses are averaged, in powers of ten of the learning rate."""
RISE = 1.0
"""Nats per character above the lowest smoothed loss at which the test ends."""
BASIN = 0.05
"""Nats per character above the lowest smoothed loss that count as near it."""
SHARE = 0.1
"""The rate found, as a share of the highest rate whose smoothed loss is within `BASIN` of the lowest."""


@dataclass(frozen=True)
class RangeTest:
    """A learning-rate range test: the losses of a short run in which the rate rises."""

    rates: Float[np.ndarray, " updates"]
    """Learning rate of each update."""
    losses: Float[np.ndarray, " updates"]
    """Nats per character on the training text before each update, with dropout."""
    notes: tuple[str, ...] = ()
    """Notes on the text and on the test."""

    @property
    def smoothed(self) -> Float[np.ndarray, " updates"]:
        """The losses, each averaged with those of nearby rates."""
        return smooth_losses(self.rates, self.losses)

    @property
    def highest_good(self) -> float:
        """The highest rate whose smoothed loss is within `BASIN` of the lowest."""
        smoothed = self.smoothed
        (low,) = np.nonzero(smoothed <= smoothed.min() + BASIN)
        return float(self.rates[low[-1]])

    @property
    def learning_rate(self) -> float:
        """The rate found: a tenth of `highest_good`, with two significant digits."""
        return float(f"{SHARE * self.highest_good:.2g}")


def find_learning_rate(
    config: RunConfig,
    *,
    text: GivenText | None = None,
    optimizer: optax.GradientTransformation | None = None,
    init_from: str | Path | None = None,
    kept: Collection[str] | None = None,
    listener: ProgressListener | None = None,
) -> RangeTest:
    """Find a learning rate for a run: train for up to 200 updates while the rate rises from 1e-5 to 10.

    Each update is one of that run, from its first weights, but nothing is skipped and nothing is written. The test
    ends early where the loss has risen by a nat per character, or after the `minutes` of the run. `text`, `optimizer`
    (the rate is the factor on its updates), `init_from` and `kept` are as in `train`; `listener` receives the
    progress. Raises CharloopError for an invalid configuration, and if no loss is finite.
    """
    listener = listener or find_listener()
    unguarded = replace(config, training=replace(config.training, max_skipped=0))
    unguarded, given = check_given(unguarded, text, optimizer, None)
    session, state, notes, reasons = prepare_run(
        unguarded, given, init_from=init_from, kept=kept, listener=listener
    )
    updates = max(MIN_UPDATES, min(MAX_UPDATES, session.budget.steps or MAX_UPDATES))
    rates = np.geomspace(LOWEST, HIGHEST, updates)
    losses = measure_losses(session, session.put_on_devices(state), rates, listener)
    if not losses:
        raise CharloopError(
            "the loss is not finite before the first update",
            do=f"look for NaN or infinity in the cell {config.model.cell}, or in the initial weights",
        )
    made = RangeTest(rates[: len(losses)], np.array(losses), (*reasons, *notes, *session.model.notes))
    return replace(made, notes=(*made.notes, *note_edges(made)))


def measure_losses(
    session: TrainingSession,
    state: TrainingState,
    rates: Float[np.ndarray, " updates"],
    listener: ProgressListener,
) -> list[float]:
    """Return the loss before each update, up to the end of the test; all are finite."""
    losses: list[float] = []
    data, calls, began = session.config.data, session.config.training.steps_per_call, time.monotonic()
    characters = data.batch_size * data.seq_length
    while len(losses) < len(rates) and not is_over(session, rates, losses, time.monotonic() - began):
        numbers = range(len(losses), min(len(losses) + calls, len(rates)))
        state, metrics = session.train_steps(
            state, *session.call_inputs(numbers, rates[numbers.start : numbers.stop].tolist())
        )
        made = [update.loss for update in UpdateMetrics.read(metrics)[: len(numbers)]]
        finite = np.isfinite(made)
        losses += made if finite.all() else made[: int(np.argmin(finite))]
        done, total = len(losses) * characters, len(rates) * characters
        listener(Progress("trying learning rates", done, total, "million characters"))
        if not finite.all():
            break
    return losses


def is_over(
    session: TrainingSession, rates: Float[np.ndarray, " updates"], losses: list[float], elapsed: float
) -> bool:
    """Return whether the loss has risen far above its minimum, or the minutes of the run are over."""
    seconds = session.budget.seconds
    if not losses or (seconds and elapsed >= seconds):
        return bool(losses)
    smoothed = smooth_losses(rates[: len(losses)], np.array(losses))
    return bool(smoothed[-1] > smoothed.min() + RISE)


def smooth_losses(
    rates: Float[np.ndarray, " updates"], losses: Float[np.ndarray, " updates"]
) -> Float[np.ndarray, " updates"]:
    """Return the mean of the losses around each rate, weighted by a Gaussian of the logarithm of the rate."""
    powers = np.log10(rates)
    weights = np.exp(-((powers[:, None] - powers) ** 2) / (2 * SMOOTHING**2))
    smoothed: Float[np.ndarray, " updates"] = weights @ losses / weights.sum(1)
    return smoothed


def note_edges(made: RangeTest) -> list[str]:
    """Return a note if the best rate may lie outside the rates that were tried."""
    smoothed, last = made.smoothed, made.rates[-1]
    if made.highest_good == last < HIGHEST * (1 - 1e-9):
        return [f"the minutes were over at a rate of {last:.2g}, before the loss rose: give more --minutes"]
    if made.highest_good == last:
        return [f"the loss did not rise up to the last rate, {last:.2g}: a higher one may be better"]
    if smoothed.min() > smoothed[0] - BASIN:
        return [
            "no rate lowered the loss noticeably: the rate shown is the highest that does no harm, divided by 10"
        ]
    return []
