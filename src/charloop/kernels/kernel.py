"""Kernels as JAX sees them: built once for a plan, called like any function of arrays."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from charloop.cells.base import TickCell
from charloop.kernels.compiler import callable_by_xla, new_module, shape
from charloop.kernels.dense import dense
from charloop.kernels.ffi import xla_call
from charloop.kernels.gradient import table_gradient, weight_gradient
from charloop.kernels.halves import row_words
from charloop.kernels.plan import Plan, tick_of
from charloop.kernels.product import Panels
from charloop.kernels.program import Program
from charloop.kernels.sequence import backward_names, emit_backward, emit_forward, forward_names, parts
from charloop.precision import halved
from charloop.types import Parameters, State

Source = tuple[Float[Array, "*rows gates"], Int[Array, "time batch"] | None]
"""Input products of all times; or a table of every character's, and the characters."""

product = dense
"""How this engine multiplies all times at once."""


def run_forward(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Float[Array, "time batch hidden"], Any]:
    """The last state, the outputs, and what the way back needs: every state, and the gates' products."""
    plan = plan_of(cell, own, recurrent, source, start)
    products, characters = source
    bias = recurrent["bias_hh"] if plan.bias else jnp.zeros(plan.tick.columns)
    inputs, outputs = forward_names(plan)
    weights = panels(plan, "forward").pack(recurrent["weight_hh"].T)
    given = {"source": products, "gates": products, "characters": characters, "packed": weights, "bias": bias}
    given |= leaves("own", own) | leaves("start", start)
    shapes: dict[str, tuple[int, ...]] = {
        "gates": (plan.time, plan.batch, plan.tick.columns),
        "output": (plan.time, plan.batch, plan.tick.hidden),
    }
    shapes |= {name: (plan.time, *leaf.shape) for name, leaf in leaves("state", start).items()}
    found = call(plan, "forward", given, inputs, shapes, outputs, plan.tick.forward)
    states = tuple(found[name] for name in parts(plan, "state"))
    outputs_of_all = found["output"] if plan.tick.output_is is None else states[plan.tick.output_is]
    every = jax.tree.unflatten(jax.tree.structure(start), states)
    return jax.tree.map(lambda leaf: leaf[-1], every), outputs_of_all, (every, found["gates"])


def run_backward(
    cell: TickCell,
    own: Parameters,
    recurrent: Parameters,
    source: Source,
    start: State,
    saved: Any,
    gradients: tuple[State, Float[Array, "time batch hidden"]],
) -> tuple[State, Parameters, Parameters, Any]:
    """Gradients of the first state, the tick's parameters, the state's product's, and the source."""
    every, gates = saved
    plan = plan_of(cell, own, recurrent, source, start)
    inputs, outputs = backward_names(plan)
    weights = panels(plan, "backward").pack(recurrent["weight_hh"])
    given = {"source": source[0], "characters": source[1], "packed": weights, "to_output": gradients[1]}
    given |= leaves("own", own) | leaves("start", start) | leaves("state", every)
    changed = {"gates": gates} | leaves("to_state", gradients[0])
    changed |= leaves("to_own", jax.tree.map(jnp.zeros_like, own))
    shapes = {name: value.shape for name, value in changed.items()} | {"to_input": gates.shape}
    found = call(plan, "backward", given | changed, [*inputs, *changed], shapes, outputs, plan.tick.backward)
    to_start = jax.tree.unflatten(jax.tree.structure(start), [found[n] for n in parts(plan, "to_state")])
    to_own = jax.tree.unflatten(
        jax.tree.structure(own), [found[f"to_own {i}"] for i in range(len(plan.tick.own))]
    )
    number, to_product = plan.tick.recurrent, found["gates"]
    first, later = jax.tree.leaves(start)[number], jax.tree.leaves(every)[number]
    to_weight, to_bias = weight_gradient(to_product, later, first)
    to_recurrent = {"weight_hh": to_weight} | ({"bias_hh": to_bias} if plan.bias else {})
    to_source = found.get("to_input", to_product)
    if source[1] is not None:
        to_source = table_gradient(to_source, source[1], plan.table)
    return to_start, to_own, to_recurrent, (to_source, None)


def plan_of(cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State) -> Plan:
    """The kernel that these arrays ask for."""
    products, characters = source
    time = len(products) if characters is None else len(characters)
    shapes = tuple((name, own[name].shape) for name in sorted(own))
    table = 0 if characters is None else len(products)
    batch = len(jax.tree.leaves(start)[0])
    return Plan(tick_of(cell, shapes), time, batch, table, "bias_hh" in recurrent, halved())


def leaves(name: str, tree: Any) -> dict[str, Array]:
    """Arrays under the names that the kernel has for them."""
    return {f"{name} {number}": leaf for number, leaf in enumerate(jax.tree.leaves(tree))}


def panels(plan: Plan, direction: str) -> Panels:
    """How the kernel reads `weight_hh`: from units to gates on the way there, from gates to units on the way back."""
    ends = plan.tick.hidden, plan.tick.columns
    return Panels(*(ends if direction == "forward" else ends[::-1]), *shape(), plan.halves)


def call(
    plan: Plan,
    direction: str,
    given: Mapping[str, Any],
    inputs: Sequence[str],
    shapes: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    program: Program,
) -> dict[str, Array]:
    """Let XLA call it; an output of an input's name lies where the input does."""
    width, _ = shape()
    room = max(1, len(program.kept)) * -(-plan.tick.hidden // width) * width
    read = plan.tick.hidden if direction == "forward" else plan.tick.columns
    sizes = {**shapes, "buffer": (room,), "halves": (plan.batch * row_words(read, width),)}
    results = [jax.ShapeDtypeStruct(sizes[name], jnp.float32) for name in outputs]
    in_place = {i: outputs.index(name) for i, name in enumerate(inputs) if name in outputs}
    kernel = xla_call(build(plan, direction), results, input_output_aliases=in_place)
    return dict(zip(outputs, kernel(*(given[name] for name in inputs)), strict=True))


@cache
def build(plan: Plan, direction: str) -> str:
    """The name under which XLA calls the kernel; compiled when first asked for."""
    forward = direction == "forward"
    emit, names = (emit_forward, forward_names) if forward else (emit_backward, backward_names)
    module = new_module()
    kernel = emit(module, plan, *shape())
    return callable_by_xla(module, kernel, inputs=len(names(plan)[0]))


def run(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """The last state, and the outputs."""
    last, outputs, _ = run_forward(cell, own, recurrent, source, start)
    return last, outputs
