"""The compiled heart: a pure function from a state and some chunks of text to the state that many updates on."""

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Bool, Float, Int

from charloop.devices import BATCH
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.precision import products_in
from charloop.training.optimizer import apply_updates
from charloop.training.state import TrainingState
from charloop.types import Parameters, State

Metrics: TypeAlias = Float[Array, "calls 2"]
"""For each update: the loss in nats per character, and the gradient's norm before clipping."""

SMALL = 2**16
"""Numbers of an array up to which the devices exchange it together with others."""

TrainSteps: TypeAlias = jax.stages.Wrapped
"""`(state, chunks, rates, resets, count) -> (state, metrics)`: see `compile_steps`."""


def compile_steps(
    model: CharLM, optimizer: optax.GradientTransformation, mesh: Mesh, precision: str = "float32"
) -> TrainSteps:
    """`(state, chunks [calls, time+1, batch], rates, resets, count) -> (state, metrics)`, compiled once.

    Only the first `count` of the chunks are trained on. How many a call makes does not change a bit of what it
    makes: the loop's body is compiled alone, its count is a number at run time. `precision`: of the products.
    """
    state = TrainingState(Spec(), Spec(), Spec(BATCH), Spec(), Spec())  # type: ignore[arg-type]
    return jax.jit(
        jax.shard_map(
            partial(train_steps, model, optimizer, precision),
            mesh=mesh,
            in_specs=(state, Spec(None, None, BATCH), Spec(), Spec(), Spec()),
            out_specs=(state, Spec()),
            check_vma=False,
        ),
        donate_argnums=0,
    )


def train_steps(
    model: CharLM,
    optimizer: optax.GradientTransformation,
    precision: str,
    state: TrainingState,
    chunks: Int[Array, "calls time batch"],
    rates: Float[Array, " calls"],
    resets: Bool[Array, " calls"],
    count: Int[Array, ""],
) -> tuple[TrainingState, Metrics]:
    """`count` updates, on this device's lanes; one for each chunk, the memory emptied first where `resets`."""

    def one(call: Array, carried: tuple[TrainingState, Metrics]) -> tuple[TrainingState, Metrics]:
        state, metrics = carried
        with products_in(precision):
            state, row = train_step(model, optimizer, state, chunks[call], rates[call], resets[call])
        return state, metrics.at[call].set(row)

    trained: tuple[TrainingState, Metrics] = lax.fori_loop(
        0, count, one, (state, jnp.zeros((len(chunks), 2)))
    )
    return trained


def train_step(
    model: CharLM,
    optimizer: optax.GradientTransformation,
    state: TrainingState,
    chunk: Int[Array, "time batch"],
    rate: Float[Array, ""],
    reset: Bool[Array, ""],
) -> tuple[TrainingState, Float[Array, " 2"]]:
    """One update from one chunk: gradient, mean over devices, clip, rule, step."""
    fresh = model.initial_state(chunk.shape[1])
    carry = jax.tree.map(lambda new, old: jnp.where(reset, new, old), fresh, state.carry)
    lanes = lax.axis_index(BATCH) * chunk.shape[1] + jnp.arange(chunk.shape[1])
    key = jax.random.fold_in(state.key, state.step)

    def loss(params: Parameters) -> tuple[Array, State]:
        logits, after = model.apply(params, chunk[:-1], carry, key=key, lanes=lanes)
        return cross_entropy(logits, chunk[1:], kernel=model.runs_kernels).mean(), after

    (nats, carry), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
    nats, gradient = mean_over_devices((nats, gradient))
    updates, moments = optimizer.update(gradient, state.optimizer, state.params)
    params = apply_updates(state.params, updates, rate)
    row = jnp.stack([nats, optax.tree.norm(gradient)])
    return TrainingState(params, moments, carry, state.key, state.step + 1), row


def mean_over_devices(tree: Any) -> Any:
    """The mean of each leaf: large ones alone, the small ones by one exchange for all of them.

    An exchange has its price, but so has putting arrays together: for a 1 x 512 LSTM a twelfth of the step.
    """
    leaves, structure = jax.tree.flatten(tree)
    large = {place: lax.pmean(leaf, BATCH) for place, leaf in enumerate(leaves) if leaf.size > SMALL}
    flat, restore = ravel_pytree([leaf for leaf in leaves if leaf.size <= SMALL])
    small = iter(restore(lax.pmean(flat, BATCH)))
    means = [large[place] if place in large else next(small) for place in range(len(leaves))]
    return jax.tree.unflatten(structure, means)
