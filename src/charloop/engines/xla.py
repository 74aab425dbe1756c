"""XLA's loop over time, forward and backward: for any tick, any type of numbers, on any platform."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int

from charloop.cells.additive import only_adds
from charloop.cells.base import TickCell, product
from charloop.engines.base import Found, Layer, Made, Source
from charloop.engines.marks import are_reset, emptied, where_idle, where_rows
from charloop.types import Characters, Logits, Parameters, State

MAX_ONE_HOT_ROWS = 512
"""Tables up to this many rows get their gradient from one matrix product; larger ones by adding rows up."""


@dataclass(frozen=True)
class XlaLoop:
    """`lax.scan` with one product inside; the weights' gradients after the loop. Raises nothing of its own."""

    def product(
        self,
        inputs: Float[Array, "time batch columns"],
        weight: Float[Array, "rows columns"],
        bias: Float[Array, " rows"] | None = None,
    ) -> Float[Array, "time batch rows"]:
        """`inputs weightᵀ + bias`."""
        return product(inputs, weight, bias)

    def cross_entropy(self, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
        """Nats of each target."""
        nats: Array = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
        return nats

    def prepare(self, cell: TickCell, layer: Layer) -> None:
        """There is nothing to make ready."""

    def run_forward(self, cell: TickCell, layer: Layer) -> Made:
        """The last state and the outputs; for the way back, the state before each step and the gates' products."""
        own, recurrent, source, start, marks = layer
        over, read = _rows(source)
        adds = _adds(cell, layer)

        def step(state: State, now: tuple[Any, Any]) -> tuple[State, Any]:
            row, mark = now
            state = emptied(cell, state, mark)
            from_state = product(cell.recurrent(state), recurrent["weight_hh"], recurrent.get("bias_hh"))
            new, output = cell.tick(own, read(row), from_state, state)
            if mark is not None:
                new, output = where_idle(mark, state, new), where_idle(mark, jnp.zeros_like(output), output)
            return new, (output, state, read(row) + from_state if adds else from_state)

        last, (outputs, states, gates) = lax.scan(step, start, (over, marks))
        return last, outputs, (states, gates)

    def run_backward(
        self,
        cell: TickCell,
        layer: Layer,
        saved: Any,
        gradients: tuple[State, Float[Array, "time batch hidden"]],
    ) -> Found:
        """Gradients of the tick's parameters, the state's product's, the source, and the first state.

        The tick's gradient is JAX's, of the tick recomputed.
        """
        own, recurrent, source, _, marks = layer
        states, gates = saved
        over, read = _rows(source)
        over = None if _adds(cell, layer) else over

        def step(carry: Any, now: Any) -> Any:
            to_state, to_own = carry
            row, state, gate, to_output, mark = now
            kept, to_new = to_state, to_state
            if mark is not None:
                to_output = where_idle(mark, jnp.zeros_like(to_output), to_output)
                to_new = where_idle(mark, jax.tree.map(jnp.zeros_like, to_state), to_state)
            # Where the two are only ever added, `gate` is their sum.
            products = (gate, jnp.zeros_like(gate)) if row is None else (read(row), gate)
            _, pull = jax.vjp(cell.tick, own, *products, state)
            to_own_now, to_input, to_product, to_state = pull((to_new, to_output))
            _, pull_recurrent = jax.vjp(cell.recurrent, state)
            (through_product,) = pull_recurrent(to_product @ recurrent["weight_hh"])
            to_state = jax.tree.map(jnp.add, to_state, through_product)
            if mark is not None:
                to_state = where_idle(mark, kept, to_state)
                to_state = where_rows(are_reset(mark), jax.tree.map(jnp.zeros_like, to_state), to_state)
            made = (to_product,) if row is None else (to_product, to_input)
            return (to_state, jax.tree.map(jnp.add, to_own, to_own_now)), made

        empty = (gradients[0], jax.tree.map(jnp.zeros_like, own))
        every = (over, states, gates, gradients[1], marks)
        (to_start, to_own), made = lax.scan(step, empty, every, reverse=True)
        to_recurrent = _recurrent_gradient(recurrent, cell.recurrent(states), made[0])
        return to_own, to_recurrent, (_source_gradient(source, made[-1]), None), to_start, None


XLA = XlaLoop()


def _adds(cell: TickCell, layer: Layer) -> bool:
    over, read = _rows(layer.source)
    return only_adds(cell, layer.own, read(over[0]), layer.start)


def _rows(source: Source) -> tuple[Any, Any]:
    """What the loop walks over, and how one step of it becomes `[batch, gates]`."""
    products, characters = source
    if characters is None:
        return products, lambda now: now
    return characters, lambda now: products[now]


def _recurrent_gradient(
    recurrent: Parameters,
    hidden: Float[Array, "time batch hidden"],
    to_product: Float[Array, "time batch gates"],
) -> Parameters:
    """The gradients of `weight_hh` and its bias, each in one sweep over all times."""
    gradient = {"weight_hh": jnp.einsum("tbg,tbh->gh", to_product, hidden)}
    return gradient | ({"bias_hh": to_product.sum((0, 1))} if "bias_hh" in recurrent else {})


def _source_gradient(source: Source, to_input: Float[Array, "time batch gates"]) -> Array:
    products, characters = source
    return to_input if characters is None else sum_rows(to_input, characters, products.shape[0])


def sum_rows(
    values: Float[Array, "time batch columns"], characters: Int[Array, "time batch"], rows: int
) -> Float[Array, "vocab columns"]:
    """The sum of `values` over each character's places: the gradient of a look-up's table."""
    flat, ids = values.reshape(-1, values.shape[-1]), characters.reshape(-1)
    if rows > MAX_ONE_HOT_ROWS:
        return jnp.zeros((rows, flat.shape[-1]), flat.dtype).at[ids].add(flat)
    return jax.nn.one_hot(ids, rows, dtype=flat.dtype).T @ flat
