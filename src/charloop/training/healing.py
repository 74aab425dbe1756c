"""What must not reach the weights, and how the learning rate answers: decided within the compiled step.

An update is undone if its loss, its gradient or the memory after it is not finite, if its loss is hopeless, or if
its gradient is a spike. Undone updates halve the learning rate, which doubles again over `recovery_steps` sound ones.
docs/decisions/update-guard.md says why these rules and not others.
"""

from dataclasses import dataclass
from typing import no_type_check

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.config import TrainingConfig
from charloop.types import State

FINE, NOT_FINITE, HOPELESS, SPIKE = range(4)
"""Verdicts on an update."""
WINDOW = 128
"""Updates that the running statistics look back on; before so many nothing is a spike. OLMo-core's window."""
HOPELESS_NATS = 20.0
"""Nats per character above guessing blindly. No text teaches a network to be so sure, and so wrong."""
HOPELESS_RATIO = 10.0
"""And times the least loss so far: a network may begin with a large one and come down."""
SPIKE_RATIO = 30.0
"""Times the usual gradient's norm, and times the norm that is let through unclipped, below which none is a spike."""
CUT, LOWEST = 0.5, 2.0**-10
"""What an undone update multiplies the learning rate by, and the least share of it that is left."""
TINY = 1e-30
"""In the place of a gradient's norm of 0, which has no logarithm."""


# Unchecked at run time, as TrainingState is.
@no_type_check
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Health:
    """What the updates so far say about the next one."""

    norm: Float[Array, ""]
    """Running mean of the logarithm of the gradient's norm (before clipping)."""
    variance: Float[Array, ""]
    """Its running variance."""
    least: Float[Array, ""]
    """The least loss so far, nats per character; infinite before the first."""
    seen: Int[Array, ""]
    """Updates in these statistics."""
    rate: Float[Array, ""]
    """What the learning rate is multiplied by: 1 in good health."""
    in_a_row: Int[Array, ""]
    """Updates undone since the last that was not."""
    skipped: Int[Array, ""]
    """All that were undone."""


def unblemished() -> Health:
    """The health of a run that has not begun."""
    # An array for each: the compiled step is given their memory, and cannot be given the same twice.
    zero, none = (lambda: jnp.float32(0)), (lambda: jnp.int32(0))
    return Health(zero(), zero(), jnp.float32(jnp.inf), none(), jnp.float32(1), none(), none())


def judge(
    config: TrainingConfig,
    health: Health,
    *,
    uniform: float,
    loss: Float[Array, ""],
    norm: Float[Array, ""],
    sound: Bool[Array, ""],
) -> Int[Array, ""]:
    """The verdict on an update from its loss, its gradient's norm, and whether the memory after it is `sound`.

    `uniform` is the loss of a blind guess, the logarithm of the vocabulary's size. All are the same on every device.
    With `max_skipped` 0 all is fine.
    """
    if not config.max_skipped:
        return jnp.asarray(FINE, jnp.int32)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm) & sound
    hopeless = loss > jnp.maximum(uniform + HOPELESS_NATS, HOPELESS_RATIO * health.least)
    spike = is_spike(config, health, norm)
    verdict: Array = jnp.select([~finite, hopeless, spike], [NOT_FINITE, HOPELESS, SPIKE], FINE)
    return verdict


def is_spike(config: TrainingConfig, health: Health, norm: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether a gradient's norm stands out from those before it, by deviations and by size.

    As ZClip (Kumar et al. 2025, section 3) by a z-score over running moments, and as OLMo-core's SkipStepOptimizer by
    six deviations, undoing instead of clipping. Other than both: of the logarithm, whose distribution has no long
    tail to the right, upwards only, and never below `SPIKE_RATIO`.
    """
    if not config.spike_threshold:
        return jnp.asarray(False)
    usual = health.norm + config.spike_threshold * jnp.sqrt(health.variance)
    unclipped = jnp.log(jnp.float32(config.clip_norm or 1.0))
    least = jnp.maximum(health.norm, unclipped) + jnp.log(jnp.float32(SPIKE_RATIO))
    high: Array = jnp.log(jnp.maximum(norm, TINY)) > jnp.maximum(usual, least)
    return (health.seen >= WINDOW) & high


def follow(
    config: TrainingConfig,
    health: Health,
    verdict: Int[Array, ""],
    *,
    loss: Float[Array, ""],
    norm: Float[Array, ""],
) -> Health:
    """The health after an update.

    A spike counts in the statistics though it is undone, as in OLMo-core: where a text changes its nature for good,
    what is usual has followed after four updates (see `test_a_change_for_good_costs_four_updates_at_most`).
    """
    fine = verdict == FINE
    counts = fine | (verdict == SPIKE)
    seen = health.seen + counts
    # Plain means at first, exponential ones later.
    weight = 1 / jnp.minimum(jnp.maximum(seen, 1), WINDOW).astype(jnp.float32)
    away = jnp.log(jnp.maximum(norm, TINY)) - health.norm
    recovered = jnp.minimum(1.0, health.rate * 2.0 ** (1 / config.recovery_steps))
    return Health(
        norm=jnp.where(counts, health.norm + weight * away, health.norm),
        variance=jnp.where(counts, (1 - weight) * (health.variance + weight * away**2), health.variance),
        least=jnp.where(fine, jnp.minimum(loss, health.least), health.least),
        seen=seen,
        rate=jnp.where(fine, recovered, jnp.maximum(LOWEST, health.rate * CUT)),
        in_a_row=jnp.where(fine, 0, health.in_a_row + 1),
        skipped=health.skipped + ~fine,
    )


def carry_on(fine: Bool[Array, ""], health: Health, before: State, after: State, empty: State) -> State:
    """The lanes' memory for the next chunk: what it is after this one, unless this one's update was undone.

    Then it is what it was before: of the second undone in a row, and in a lane where it is not finite, empty.
    """

    again = health.in_a_row > 0
    lanes = finite_lanes(before)

    def leaf(old: Array, new: Array, zero: Array) -> Array:
        keep = (lanes & ~again).reshape(-1, *[1] * (old.ndim - 1))
        return jnp.where(fine, new, jnp.where(keep, old, zero))

    return jax.tree.map(leaf, before, after, empty)


def finite_lanes(memory: State) -> Bool[Array, " batch"]:
    """Which lanes' memory is finite, of leaves `[batch, ...]`."""
    leaves = [jnp.isfinite(leaf).reshape(len(leaf), -1).all(1) for leaf in jax.tree.leaves(memory)]
    return jnp.stack(leaves).all(0)
