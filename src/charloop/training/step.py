"""The compiled heart: a pure function from a state and some chunks of text to the state that many updates on."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.from_object import is_user_cell
from charloop.config import TrainingConfig
from charloop.devices import BATCH
from charloop.dropout import Prefix, draw_resets
from charloop.engines import Engine
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.precision import use_precision
from charloop.training.healing import FINE, carry_on, finite_lanes, follow, judge
from charloop.training.optimizer import apply_updates
from charloop.training.state import TrainingState
from charloop.types import Parameters, State

Metrics: TypeAlias = Float[Array, "calls 5"]
"""For each update: the loss in nats per character, the gradient's norm before clipping, what the learning rate was
multiplied by, the verdict (see `healing`), and how many updates in a row are undone by now."""
COLUMNS = 5

SMALL = 2**16
"""Numbers of an array up to which the devices exchange it together with others."""

READ = (
    "max_skipped",
    "spike_threshold",
    "recovery_steps",
    "clip_norm",
    "state_dropout",
    "precision",
)
"""Settings that the program reads, beside the optimiser's own."""

TrainSteps: TypeAlias = jax.stages.Wrapped
"""`(state, chunks, rates, resets, count) -> (state, metrics)`: see `compile_steps`."""


def compile_steps(
    model: CharLM,
    optimizer: optax.GradientTransformationExtraArgs,
    mesh: Mesh,
    config: TrainingConfig = TrainingConfig(),  # noqa: B008 (it is frozen)
    prefix: Prefix = (),
) -> TrainSteps:
    """`(state, chunks [calls, time+1, batch], rates, resets, count) -> (state, metrics)`, compiled once.

    Runs that differ in nothing that the program reads share it: a second one in a process is not compiled again. Only
    the first `count` of the chunks are trained on. How many a call makes does not change a bit of what it
    makes: the loop's body is compiled alone, its count is a number at run time. `config` says in what precision the
    products are, and what is undone; `prefix` what stands before the text's paragraphs, where memory is emptied.
    """
    read = replace(TrainingConfig(), **{name: getattr(config, name) for name in READ})
    make = shared_steps.__wrapped__ if is_user_cell(model.config.cell) else shared_steps
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
    """The program of `compile_steps`. An equal model may have another engine later, so it is a key too."""
    del engine
    state = TrainingState(Spec(), Spec(), Spec(BATCH), Spec(), Spec(), Spec())  # type: ignore[arg-type]
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
    """`count` updates, on this device's lanes; one for each chunk, the memory emptied first where `resets`."""

    def one(call: Array, carried: tuple[TrainingState, Metrics]) -> tuple[TrainingState, Metrics]:
        state, metrics = carried
        with use_precision(config.precision):
            state, row = train_step(
                model, optimizer, config, prefix, state, chunks[call], rates[call], resets[call]
            )
        return state, metrics.at[call].set(row)

    trained: tuple[TrainingState, Metrics] = lax.fori_loop(
        0, count, one, (state, jnp.zeros((len(chunks), COLUMNS)))
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
    """One update from one chunk: gradient, mean over devices, verdict, clip, rule, step or none."""
    fresh = model.initial_state(chunk.shape[1])
    carry = jax.tree.map(lambda new, old: jnp.where(reset, new, old), fresh, state.carry)
    lanes = lax.axis_index(BATCH) * chunk.shape[1] + jnp.arange(chunk.shape[1])
    key = jax.random.fold_in(state.key, state.step)
    emptied = draw_resets(key, config.state_dropout, chunk, prefix, lanes)

    def loss(params: Parameters) -> tuple[Array, State]:
        logits, after = model.apply(params, chunk[:-1], carry, key=key, batch_rows=lanes, resets=emptied)
        return cross_entropy(logits, chunk[1:], engine=model.engine).mean(), after

    (nats, after), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
    unsound = 1.0 - finite_lanes(after).all()
    exchanged, restore = exchange((nats, unsound, gradient))
    nats, unsound, gradient = restore(exchanged)
    norm, health = optax.tree.norm(gradient), state.health
    # Of the means: all devices come to the same verdict.
    uniform = math.log(model.vocab_size)
    verdict = judge(config, health, uniform=uniform, loss=nats, norm=norm, sound=unsound == 0)
    fine = verdict == FINE

    def move(params: Parameters, moments: Any) -> tuple[Parameters, Any]:
        # Taken out of what was exchanged in here, and not handed in: else it is copied.
        _, _, gradient = restore(exchanged)
        updates, moments = optimizer.update(gradient, moments, params, norm=norm)
        return apply_updates(params, updates, rate * health.rate), moments

    params, moments = lax.cond(fine, move, lambda *same: same, state.params, state.optimizer)
    carry = carry_on(fine, health, carry, after, fresh)
    then = follow(config, health, verdict, loss=nats, norm=norm)
    row = jnp.stack([nats, norm, health.rate, verdict, then.in_a_row], dtype=jnp.float32)
    return TrainingState(params, moments, carry, state.key, state.step + 1, then), row


def mean_over_devices(tree: Any) -> Any:
    """The mean of each leaf."""
    exchanged, restore = exchange(tree)
    return restore(exchanged)


def exchange(tree: Any) -> tuple[list[Array], Callable[[list[Array]], Any]]:
    """The means of the leaves, large ones alone, the small ones together; and what makes a tree of them again.

    An exchange has its price, but so has putting arrays together: for a 1 x 512 LSTM a twelfth of the step.
    """
    leaves, structure = jax.tree.flatten(tree)
    large = [place for place, leaf in enumerate(leaves) if leaf.size > SMALL]
    flat, take_apart = ravel_pytree([leaf for leaf in leaves if leaf.size <= SMALL])

    def restore(means: list[Array]) -> Any:
        found, small = dict(zip(large, means[1:], strict=True)), iter(take_apart(means[0]))
        return jax.tree.unflatten(
            structure, [found[n] if n in found else next(small) for n in range(len(leaves))]
        )

    return [lax.pmean(array, BATCH) for array in (flat, *(leaves[n] for n in large))], restore
