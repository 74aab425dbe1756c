"""The compiled training step: a pure function from a state and chunks of text to the state after their updates."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Bool, Float, Int

from charloop.config import TrainingConfig
from charloop.devices import BATCH
from charloop.dropout import Prefix, draw_resets, drop_weights
from charloop.engines import Engine
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.precision import use_precision
from charloop.training.averaging import Average, update_average
from charloop.training.metrics import StepRecord
from charloop.training.optimizer import apply_updates
from charloop.training.state import TrainingState
from charloop.training.update_guard import (
    FINE,
    choose_carry,
    explain_verdict,
    find_finite_rows,
    judge_update,
    update_health,
)
from charloop.types import Parameters, State


class UpdateMetrics(NamedTuple):
    """What the compiled step reports of an update, in the order of its columns in an array."""

    loss: Any
    """Nats per character."""
    gradient_norm: Any
    """Before clipping."""
    rate_factor: Any
    """What the learning rate was multiplied by."""
    verdict: Any
    """See `update_guard`."""
    in_a_row: Any
    """Number of consecutive updates skipped by now."""

    @classmethod
    def read(cls, metrics: Any) -> "list[UpdateMetrics]":
        """Return the updates of a call, as numbers on the host; waits for the call to end."""
        return [cls(*row) for row in np.asarray(metrics).tolist()]


class PlannedUpdate(NamedTuple):
    """What is known of an update before it is made."""

    number: int
    """Counted from 0."""
    epoch: float
    learning_rate: float

    def record(self, made: UpdateMetrics) -> StepRecord:
        """Return the record of the update, given what the compiled step reports of it."""
        return StepRecord(
            step=self.number + 1,
            epoch=self.epoch,
            loss=made.loss,
            gradient_norm=made.gradient_norm,
            learning_rate=self.learning_rate * made.rate_factor,
            skipped=explain_verdict(int(made.verdict), made.loss, made.gradient_norm),
            in_a_row=int(made.in_a_row),
            planned_rate=None if made.rate_factor == 1 else self.learning_rate,
        )


Metrics: TypeAlias = Float[Array, "calls 5"]
"""The `UpdateMetrics` of each update of a call."""

MAX_JOINED_SIZE = 2**16
"""Size of the largest arrays that the devices exchange in one message with others."""

READ = (
    "max_skipped",
    "spike_threshold",
    "recovery_steps",
    "clip_norm",
    "state_dropout",
    "weight_dropout",
    "average_decay",
    "average_after",
    "precision",
)
"""Settings that the program reads, in addition to those of the optimizer."""

TrainSteps: TypeAlias = jax.stages.Wrapped
"""`(state, chunks, rates, resets, count) -> (state, metrics)`: see `compile_steps`."""


def compile_steps(
    model: CharLM,
    optimizer: optax.GradientTransformationExtraArgs,
    mesh: Mesh,
    config: TrainingConfig = TrainingConfig(),  # noqa: B008 (it is frozen)
    prefix: Prefix = (),
) -> TrainSteps:
    """Return `(state, chunks [calls, time+1, batch], rates, resets, count) -> (state, metrics)`, compiled once.

    Runs whose settings are the same to the program share it: for a second one in a process, nothing is compiled. Only
    the first `count` chunks are trained on. `count` does not change a bit of the result: the body of the loop is
    compiled once, and the count is known only at run time. `config` sets the precision of products and the limits of
    the update guard; `prefix` separates the text's paragraphs, where state dropout empties the memory.
    """
    read = replace(TrainingConfig(), **{name: getattr(config, name) for name in READ})
    make = shared_steps.__wrapped__ if model.has_user_cell else shared_steps
    return make(model, model.engine, optimizer, mesh, read, prefix)


@lru_cache(maxsize=16)
def shared_steps(
    model: CharLM,
    engine: Engine,
    optimizer: optax.GradientTransformationExtraArgs,
    mesh: Mesh,
    config: TrainingConfig,
    prefix: Prefix,
) -> TrainSteps:
    """Return the program of `compile_steps`. The engine is a key because that of an equal model may change."""
    del engine
    state = TrainingState(Spec(), Spec(), Spec(BATCH), Spec(), Spec(), Spec(), Spec())  # type: ignore[arg-type]
    return jax.jit(
        jax.shard_map(
            partial(train_steps, model, optimizer, config, prefix),
            mesh=mesh,
            in_specs=(state, Spec(None, None, BATCH), Spec(), Spec(), Spec()),
            out_specs=(state, Spec()),
            check_vma=False,
        ),
        donate_argnums=0,
    )


def train_steps(
    model: CharLM,
    optimizer: optax.GradientTransformationExtraArgs,
    config: TrainingConfig,
    prefix: Prefix,
    state: TrainingState,
    chunks: Int[Array, "calls time batch"],
    rates: Float[Array, " calls"],
    resets: Bool[Array, " calls"],
    count: Int[Array, ""],
) -> tuple[TrainingState, Metrics]:
    """Make `count` updates on this device's batch rows, one for each chunk. `resets` empties the memory first."""

    def one(call: Array, carried: tuple[TrainingState, Metrics]) -> tuple[TrainingState, Metrics]:
        state, metrics = carried
        with use_precision(config.precision):
            state, row = train_step(
                model, optimizer, config, prefix, state, chunks[call], rates[call], resets[call]
            )
        return state, metrics.at[call].set(row)

    trained: tuple[TrainingState, Metrics] = lax.fori_loop(
        0, count, one, (state, jnp.zeros((len(chunks), len(UpdateMetrics._fields))))
    )
    return trained


def train_step(
    model: CharLM,
    optimizer: optax.GradientTransformationExtraArgs,
    config: TrainingConfig,
    prefix: Prefix,
    state: TrainingState,
    chunk: Int[Array, "time batch"],
    rate: Float[Array, ""],
    reset: Bool[Array, ""],
) -> tuple[TrainingState, Float[Array, " 5"]]:
    """Make one update from one chunk: gradient, mean over devices, verdict, and if it is fine, clipping and rule."""
    fresh = model.initial_state(chunk.shape[1])
    carry = jax.tree.map(lambda new, old: jnp.where(reset, new, old), fresh, state.carry)
    rows = lax.axis_index(BATCH) * chunk.shape[1] + jnp.arange(chunk.shape[1])
    key = jax.random.fold_in(state.key, state.step)
    emptied = draw_resets(key, config.state_dropout, chunk, prefix, rows)

    def loss(params: Parameters) -> tuple[Array, State]:
        params = drop_weights(key, config.weight_dropout, params)
        logits, after = model.apply(params, chunk[:-1], carry, key=key, batch_rows=rows, resets=emptied)
        return cross_entropy(logits, chunk[1:], engine=model.engine).mean(), after

    (nats, after), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
    unsound = 1.0 - find_finite_rows(after).all()
    exchanged, restore = average_over_devices((nats, unsound, gradient))
    nats, unsound, gradient = restore(exchanged)
    norm, health = optax.tree.norm(gradient), state.health
    # Of the means: all devices come to the same verdict.
    uniform = math.log(model.vocab_size)
    verdict = judge_update(config, health, uniform=uniform, loss=nats, norm=norm, sound=unsound == 0)
    fine = verdict == FINE

    def move(
        params: Parameters, moments: Any, average: Average | None
    ) -> tuple[Parameters, Any, Average | None]:
        # Restored in here instead of passed in: an argument would be copied.
        _, _, gradient = restore(exchanged)
        updates, moments = optimizer.update(gradient, moments, params, norm=norm)
        params = apply_updates(params, updates, rate * health.rate)
        return params, moments, update_average(config, average, params)

    kept = state.params, state.optimizer, state.average
    params, moments, average = lax.cond(fine, move, lambda *same: same, *kept)
    carry = choose_carry(fine, health, carry, after, fresh)
    then = update_health(config, health, verdict, loss=nats, norm=norm)
    row = jnp.stack(UpdateMetrics(nats, norm, health.rate, verdict, then.in_a_row), dtype=jnp.float32)
    return TrainingState(params, moments, carry, state.key, state.step + 1, then, average), row


def average_over_devices(tree: Any) -> tuple[list[Array], Callable[[list[Array]], Any]]:
    """Return the means of the leaves, small ones joined, and the function that makes a tree of them again.

    Every exchange takes time, but so does joining arrays: for a 1 x 512 LSTM a twelfth of the step.
    """
    leaves, structure = jax.tree.flatten(tree)
    large = [index for index, leaf in enumerate(leaves) if leaf.size > MAX_JOINED_SIZE]
    flat, take_apart = ravel_pytree([leaf for leaf in leaves if leaf.size <= MAX_JOINED_SIZE])

    def restore(means: list[Array]) -> Any:
        found, small = dict(zip(large, means[1:], strict=True)), iter(take_apart(means[0]))
        return jax.tree.unflatten(
            structure, [found[n] if n in found else next(small) for n in range(len(leaves))]
        )

    return [lax.pmean(array, BATCH) for array in (flat, *(leaves[n] for n in large))], restore
