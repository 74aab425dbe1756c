"""The update guard: decides inside the compiled step which updates are skipped, and when a run has diverged.

An update is skipped if its loss, its gradient or the memory after it is not finite, if its loss is hopeless, or if
its gradient is a spike. A skipped update halves the learning rate, which doubles again over `recovery_steps` updates
that are not skipped. docs/decisions/update-guard.md gives the reasons for these rules.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.config import RunConfig, TrainingConfig
from charloop.errors import UntrainableError
from charloop.pytree import register_pytree
from charloop.training.metrics import StepRecord
from charloop.types import State

FINE, NOT_FINITE, HOPELESS, SPIKE = range(4)
"""Verdicts on an update."""
STATISTICS_WINDOW = 128
"""Updates that the running statistics look back on; with fewer, nothing is a spike. OLMo-core's window."""
HOPELESS_NATS = 20.0
"""Nats per character above a uniform guess. No text teaches a network to be so certain and so wrong."""
HOPELESS_RATIO = 10.0
"""Times the lowest loss so far: a network may start with a large loss and improve."""
SPIKE_RATIO = 30.0
"""A spike is at least this many times the usual gradient norm, and this many times the clipping norm."""
SKIP_FACTOR, LOWEST_RATE_FACTOR = 0.5, 2.0**-10
"""Factor by which a skipped update lowers the learning rate, and the lowest factor that remains."""
SMALLEST_NORM = 1e-30
"""Replaces a gradient norm of 0, which has no logarithm."""


# Unchecked at run time, as TrainingState is.
@no_type_check
@register_pytree
@dataclass(frozen=True)
class Health:
    """What the update guard knows of the updates so far. Checkpoints have these names."""

    norm: Float[Array, ""]
    """Running mean of the logarithm of the gradient norm (before clipping)."""
    variance: Float[Array, ""]
    """Its running variance."""
    least: Float[Array, ""]
    """The lowest loss so far in nats per character; infinite before the first update."""
    seen: Int[Array, ""]
    """Number of updates in these statistics."""
    rate: Float[Array, ""]
    """Factor on the learning rate: 1 unless updates were skipped recently."""
    in_a_row: Int[Array, ""]
    """Number of consecutive updates skipped by now."""
    skipped: Int[Array, ""]
    """Number of all updates skipped."""


def initial_health() -> Health:
    """Return the health of a run before its first update."""
    # An array for each: the compiled step donates their memory, and cannot donate the same twice.
    zero, none = (lambda: jnp.float32(0)), (lambda: jnp.int32(0))
    return Health(zero(), zero(), jnp.float32(jnp.inf), none(), jnp.float32(1), none(), none())


def judge_update(
    config: TrainingConfig,
    health: Health,
    *,
    uniform: float,
    loss: Float[Array, ""],
    norm: Float[Array, ""],
    sound: Bool[Array, ""],
) -> Int[Array, ""]:
    """Return the verdict on an update from its loss, its gradient norm, and whether the memory after it is `sound`.

    `uniform` is the loss of a uniform guess: the logarithm of the vocabulary size. All arguments must be the same on
    every device. With `max_skipped` 0 the verdict is always FINE.
    """
    if not config.max_skipped:
        return jnp.asarray(FINE, jnp.int32)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm) & sound
    hopeless = loss > jnp.maximum(uniform + HOPELESS_NATS, HOPELESS_RATIO * health.least)
    spike = is_spike(config, health, norm)
    verdict: Array = jnp.select([~finite, hopeless, spike], [NOT_FINITE, HOPELESS, SPIKE], FINE)
    return verdict


def is_spike(config: TrainingConfig, health: Health, norm: Float[Array, ""]) -> Bool[Array, ""]:
    """Return whether a gradient norm stands out from those before it, in deviations and in size.

    ZClip (Kumar et al. 2025, section 3) uses a z-score over running moments, and OLMo-core's SkipStepOptimizer skips
    beyond six deviations. Unlike both, this uses the logarithm, whose distribution has no long right tail, looks only
    upwards, and never calls a norm below `SPIKE_RATIO` a spike.
    """
    if not config.spike_threshold:
        return jnp.asarray(False)
    usual = health.norm + config.spike_threshold * jnp.sqrt(health.variance)
    unclipped = jnp.log(jnp.float32(config.clip_norm or 1.0))
    least = jnp.maximum(health.norm, unclipped) + jnp.log(jnp.float32(SPIKE_RATIO))
    high: Array = jnp.log(jnp.maximum(norm, SMALLEST_NORM)) > jnp.maximum(usual, least)
    return (health.seen >= STATISTICS_WINDOW) & high


def update_health(
    config: TrainingConfig,
    health: Health,
    verdict: Int[Array, ""],
    *,
    loss: Float[Array, ""],
    norm: Float[Array, ""],
) -> Health:
    """Return the health after an update.

    A spike enters the statistics although it is skipped, as in OLMo-core: where a text changes for good, the
    statistics follow after four updates (see `test_a_change_for_good_costs_four_updates_at_most`).
    """
    fine = verdict == FINE
    counts = fine | (verdict == SPIKE)
    seen = health.seen + counts
    # Plain means at first, exponential ones later.
    weight = 1 / jnp.minimum(jnp.maximum(seen, 1), STATISTICS_WINDOW).astype(jnp.float32)
    away = jnp.log(jnp.maximum(norm, SMALLEST_NORM)) - health.norm
    recovered = jnp.minimum(1.0, health.rate * 2.0 ** (1 / config.recovery_steps))
    return Health(
        norm=jnp.where(counts, health.norm + weight * away, health.norm),
        variance=jnp.where(counts, (1 - weight) * (health.variance + weight * away**2), health.variance),
        least=jnp.where(fine, jnp.minimum(loss, health.least), health.least),
        seen=seen,
        rate=jnp.where(fine, recovered, jnp.maximum(LOWEST_RATE_FACTOR, health.rate * SKIP_FACTOR)),
        in_a_row=jnp.where(fine, 0, health.in_a_row + 1),
        skipped=health.skipped + ~fine,
    )


def choose_carry(fine: Bool[Array, ""], health: Health, before: State, after: State, empty: State) -> State:
    """Return the memory that the next chunk starts from: `after` this chunk, unless its update is skipped.

    Of a skipped update the memory `before` is kept. It is emptied where it is not finite, and in all batch rows for
    the second consecutive skipped update.
    """
    again = health.in_a_row > 0
    finite = find_finite_rows(before)

    def choose_leaf(old: Array, new: Array, zero: Array) -> Array:
        keep = (finite & ~again).reshape(-1, *[1] * (old.ndim - 1))
        return jnp.where(fine, new, jnp.where(keep, old, zero))

    return jax.tree.map(choose_leaf, before, after, empty)


def find_finite_rows(memory: State) -> Bool[Array, " batch"]:
    """Return for each batch row whether its memory is finite; the leaves of `memory` are `[batch, ...]`."""
    leaves = [jnp.isfinite(leaf).reshape(len(leaf), -1).all(1) for leaf in jax.tree.leaves(memory)]
    return jnp.stack(leaves).all(0)


def explain_verdict(verdict: int, loss: float, norm: float) -> str:
    """Return the reason for a verdict; empty if the update is fine."""
    sound = math.isfinite(loss) and math.isfinite(norm)
    return {
        FINE: "",
        NOT_FINITE: "memory that is not finite" if sound else f"loss {loss:g}, gradient norm {norm:g}",
        HOPELESS: f"loss {loss:g}, far worse than guessing",
        SPIKE: f"gradient norm {norm:g}, far above its running mean",
    }[verdict]


def stop_if_diverged(config: RunConfig, steps: Sequence[StepRecord], restart: str) -> None:
    """Raise UntrainableError for an update that ends the run: the last of `max_skipped` consecutive skipped updates.

    With `max_skipped` 0, for an update that is not finite, which has changed the weights already. `restart` tells
    how to continue with other settings.
    """
    limit = config.training.max_skipped
    for step in steps:
        if limit and step.in_a_row >= limit:
            raise divergence_error(
                f"{step.in_a_row} updates in a row were skipped, the last with {step.skipped},",
                step.step,
                restart,
                do=f"{advise_diverged(config, step)}; skipped.jsonl in the run has their text",
            )
        if not limit and not math.isfinite(step.loss + step.gradient_norm):
            what = explain_verdict(NOT_FINITE, step.loss, step.gradient_norm)
            do = blame_cell(config) if step.step == 1 else ""
            raise divergence_error(what, step.step, restart, do=do)


def blame_cell(config: RunConfig) -> str:
    """Return what to look at where every update was skipped: as no weight changed, it is not the learning rate."""
    return (
        f"every update was skipped, so the learning rate is not the cause: look for NaN or infinity in the cell "
        f"{config.model.cell}, or in the initial weights"
    )


def advise_diverged(config: RunConfig, step: StepRecord) -> str:
    """Return what to change in a run that ends at `step`."""
    if step.in_a_row == step.step:
        return blame_cell(config)
    lower = f"lower --learning-rate (to {config.training.learning_rate / 10:g}) or --clip-norm"
    return f"{lower}, or raise --spike-threshold" if "running mean" in step.skipped else lower


def divergence_error(what: str, step: int, restart: str, *, do: str) -> UntrainableError:
    """Return the error for a run whose numbers are no longer of use."""
    do = do or "lower --learning-rate or --clip-norm"
    return UntrainableError(f"training has diverged: {what} at step {step}", do=f"{do}; {restart}")
