"""The engine that runs a layer by kernels (`charloop.engines.base`): built once for a plan, for any lengths."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import TickCell
from charloop.engines.base import Found, Layer, Made, Source
from charloop.engines.marks import are_idle, are_reset
from charloop.kernels.cross_entropy import cross_entropy
from charloop.kernels.dense import dense
from charloop.kernels.gradient import table_gradient, weight_gradient
from charloop.kernels.machine import Machine, this_machine
from charloop.kernels.plan import Plan, tick_of
from charloop.kernels.registry import Kernel, find_kernel
from charloop.kernels.sequence import make_backward, make_forward, panels
from charloop.precision import halved
from charloop.types import Characters, Logits, Parameters, State


@dataclass(frozen=True)
class Kernels:
    """Machine code made from the cell, on `machine`. Float32 only; raises KernelError where a compilation fails."""

    machine: Machine = field(default_factory=this_machine)

    def product(
        self,
        inputs: Float[Array, "time batch columns"],
        weight: Float[Array, "rows columns"],
        bias: Float[Array, " rows"] | None = None,
    ) -> Float[Array, "time batch rows"]:
        """`inputs weightᵀ + bias`."""
        made: Array = dense(self.machine, inputs, weight, bias)
        return made

    def cross_entropy(self, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
        """Nats of each target."""
        nats: Array = cross_entropy(self.machine, logits, targets.astype(jnp.int32))
        return nats

    def prepare(self, cell: TickCell, layer: Layer) -> None:
        """Ask for both directions' kernels: a backward one that cannot be had must not be found out halfway."""
        plan = self.plan_of(cell, layer)
        for direction in ("forward", "backward"):
            find_sequence(plan, direction)

    def run_forward(self, cell: TickCell, layer: Layer) -> Made:
        """The last state, the outputs, and for the way back every state and the gates' products."""
        plan = self.plan_of(cell, layer)
        own, recurrent, (products, characters), start, marks = layer
        weights = panels(plan, "forward").pack(recurrent["weight_hh"].T)
        bias = recurrent["bias_hh"] if plan.bias else jnp.zeros(plan.tick.columns)
        given = {"packed": weights, "bias": bias, "gates": products} | sourced(layer.source)
        given |= leaves("own", own) | leaves("start", start) | marked(cell, marks)
        time, batch = products.shape[:2] if characters is None else characters.shape
        found = find_sequence(plan, "forward")(given, time=time, batch=batch)
        states = tuple(found[f"state {part}"] for part in range(len(plan.tick.widths)))
        outputs = found["output"] if plan.tick.output_is is None else states[plan.tick.output_is]
        if marks is not None:
            outputs = jnp.where(are_idle(marks)[..., None], 0.0, outputs)
        every = jax.tree.unflatten(jax.tree.structure(start), states)
        return jax.tree.map(lambda leaf: leaf[-1], every), outputs, (every, found["gates"])

    def run_backward(
        self,
        cell: TickCell,
        layer: Layer,
        saved: Any,
        gradients: tuple[State, Float[Array, "time batch hidden"]],
    ) -> Found:
        """Gradients of the tick's parameters, the state's product's, the source, and the first state."""
        plan, (every, gates) = self.plan_of(cell, layer), saved
        own, recurrent, (products, characters), start, marks = layer
        weights = panels(plan, "backward").pack(recurrent["weight_hh"])
        given = {"packed": weights, "to_output": gradients[1]} | sourced(layer.source)
        given |= leaves("own", own) | leaves("start", start) | leaves("state", every) | marked(cell, marks)
        given |= {"gates": gates} | leaves("to_state", gradients[0])
        given |= leaves("to_own", jax.tree.map(jnp.zeros_like, own))
        found = find_sequence(plan, "backward")(given)
        parts = [found[f"to_state {part}"] for part in range(len(plan.tick.widths))]
        to_start = jax.tree.unflatten(jax.tree.structure(start), parts)
        to_own = jax.tree.unflatten(
            jax.tree.structure(own), [found[f"to_own {i}"] for i in range(len(plan.tick.own))]
        )
        to_recurrent = self._recurrent_gradient(cell, plan, layer, every, found["gates"])
        to_source = found.get("to_input", found["gates"])
        if characters is not None:
            to_source = table_gradient(self.machine, to_source, characters, len(products))
        return to_own, to_recurrent, (to_source, None), to_start, None

    def _recurrent_gradient(
        self, cell: TickCell, plan: Plan, layer: Layer, every: State, to_product: Array
    ) -> Parameters:
        number, marks = plan.tick.recurrent, layer.marks
        first, later = (jax.tree.leaves(tree)[number] for tree in (layer.start, every))
        if marks is None:
            to_weight, to_bias = weight_gradient(self.machine, to_product, later, first)
        else:
            fresh = jax.tree.leaves(cell.initial_state(1))[number]
            before = jnp.concatenate([first[None], later[:-1]])
            read = jnp.where(are_reset(marks)[..., None], fresh, before)
            to_weight, to_bias = weight_gradient(self.machine, to_product, read)
        return {"weight_hh": to_weight} | ({"bias_hh": to_bias} if plan.bias else {})

    def plan_of(self, cell: TickCell, layer: Layer) -> Plan:
        """The kernel that these arrays ask for."""
        own, recurrent, (_, characters), _, marks = layer
        shapes = tuple((name, own[name].shape) for name in sorted(own))
        return Plan(
            tick_of(cell, shapes),
            self.machine,
            table=characters is not None,
            bias="bias_hh" in recurrent,
            halves=halved(),
            marked=marks is not None,
        )


def find_sequence(plan: Plan, direction: str) -> Kernel:
    """The kernel of a whole sequence, forward or backward."""
    make: Callable[[Plan], Any] = make_forward if direction == "forward" else make_backward
    return find_kernel((direction, plan), lambda: make(plan))


def leaves(name: str, tree: Any) -> dict[str, Array]:
    """Arrays under the names that the kernel has for them."""
    return {f"{name} {number}": leaf for number, leaf in enumerate(jax.tree.leaves(tree))}


def marked(cell: TickCell, marks: Array | None) -> dict[str, Array]:
    """The marks, and the memory that an emptied row has."""
    if marks is None:
        return {}
    fresh = jax.tree.map(lambda leaf: leaf[0], cell.initial_state(1))
    return {"marks": marks} | leaves("fresh", fresh)


def sourced(source: Source) -> dict[str, Array]:
    """The input's products, or their table and the characters."""
    products, characters = source
    return {"source": products} | ({} if characters is None else {"characters": characters})
