"""The engine that runs a layer by kernels (`charloop.engines.base`): built once for a plan, for any lengths."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.engines.base import Layer, Made
from charloop.engines.parts import Parts, Weights
from charloop.kernels.availability import KernelError
from charloop.kernels.cross_entropy import cross_entropy
from charloop.kernels.dense import dense
from charloop.kernels.emitting.arguments import panels, to_result
from charloop.kernels.emitting.backward import make_backward
from charloop.kernels.emitting.forward import make_forward
from charloop.kernels.gradient import Before, table_gradient, weight_gradient
from charloop.kernels.machine import Machine, detect_machine
from charloop.kernels.plan import Plan, why_not_run
from charloop.kernels.registry import Kernel, find_kernel
from charloop.kernels.step_programs import programs_of
from charloop.precision import halved
from charloop.types import Characters, Logits, State


@dataclass(frozen=True)
class Kernels:
    """Machine code made from the cell, on `machine`. Float32 only; raises KernelError where a compilation fails."""

    machine: Machine = field(default_factory=detect_machine)

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

    def prepare(self, parts: Parts, layer: Layer) -> None:
        """Ask for both directions' kernels: a backward one that cannot be had must not be found out halfway."""
        plan = self.plan_of(parts, layer)
        for direction in ("forward", "backward"):
            find_sequence(plan, direction)

    def run_forward(self, parts: Parts, layer: Layer) -> Made:
        """The last state, the outputs, and for the way back every state, the results, and the operands."""
        plan = self.plan_of(parts, layer)
        programs, start, marks = plan.programs, layer.start, layer.marks
        given = packed(plan, "forward", layer) | leaves("own", layer.own) | leaves("start", start)
        given |= marked(parts, marks) | looked_up(layer)
        for number, source in enumerate(layer.sources):
            given |= {f"source {number}": source}
        for number, (product, (_, bias)) in enumerate(zip(parts.products, layer.weights, strict=True)):
            given[f"bias {number}"] = jnp.zeros(programs.columns[number]) if bias is None else bias
            if product.source is not None:
                given[f"result {number}"] = layer.sources[product.source]
        time, batch = layer.places
        found = find_sequence(plan, "forward")(given, time=time, batch=batch)
        states = tuple(found[f"state {part}"] for part in range(len(programs.widths)))
        outputs = found["output"] if programs.output_is is None else states[programs.output_is]
        every = jax.tree.unflatten(jax.tree.structure(start), states)
        kept = {name: array for name, array in found.items() if name.startswith(("result", "operand"))}
        return jax.tree.map(lambda leaf: leaf[-1], every), outputs, (every, kept)

    def run_backward(
        self,
        parts: Parts,
        layer: Layer,
        saved: Any,
        gradients: tuple[State, Float[Array, "time batch hidden"]],
    ) -> Layer:
        """Gradients of the layer."""
        plan, (every, kept) = self.plan_of(parts, layer), saved
        own, start = layer.own, layer.start
        given = packed(plan, "backward", layer) | leaves("own", own) | leaves("start", start)
        given |= leaves("state", every) | marked(parts, layer.marks) | looked_up(layer) | kept
        given |= {f"source {number}": source for number, source in enumerate(layer.sources)}
        given |= {"to_output": gradients[1]} | leaves("to_state", gradients[0])
        given |= leaves("to_own", jax.tree.map(jnp.zeros_like, own))
        found = find_sequence(plan, "backward")(given)
        parts_of_state = [found[f"to_state {part}"] for part in range(len(plan.programs.widths))]
        to_results = [found[to_result(plan, number)] for number in range(len(parts.products))]
        return Layer(
            tuple(found[f"to_own {leaf}"] for leaf in range(len(own))),
            tuple(
                self._weight_gradient(parts, layer, number, to_result, every, kept)
                for number, to_result in enumerate(to_results)
            ),
            self._source_gradients(parts, layer, to_results, found),
            None,
            jax.tree.unflatten(jax.tree.structure(start), parts_of_state),
            None,
        )

    def _source_gradients(
        self, parts: Parts, layer: Layer, to_results: list[Array], found: dict[str, Array]
    ) -> tuple[Array, ...]:
        sums = {product.source: to_results[number] for number, product in enumerate(parts.products)}
        made = []
        for number, source in enumerate(layer.sources):
            to_source = sums[number] if number in sums else found[f"to_source {number}"]
            if layer.characters is not None:
                to_source = table_gradient(self.machine, to_source, layer.characters, len(source))
            made.append(to_source)
        return tuple(made)

    def _weight_gradient(
        self, parts: Parts, layer: Layer, number: int, to_result: Array, every: State, kept: dict[str, Array]
    ) -> Weights:
        part, marks, bias = parts.reads[number], layer.marks, layer.weights[number][1]
        if part is None:
            to_weight, to_bias = weight_gradient(self.machine, to_result, kept[f"operand {number}"])
            return to_weight, None if bias is None else to_bias
        first, later = (jax.tree.leaves(tree)[part] for tree in (layer.start, every))
        first, later = first.reshape(len(first), -1), later.reshape(*later.shape[:2], -1)
        fresh = None if marks is None else jax.tree.leaves(parts.cell.initial_state(1))[part].ravel()
        to_weight, to_bias = weight_gradient(self.machine, to_result, later, Before(first, marks, fresh))
        return to_weight, None if bias is None else to_bias

    def plan_of(self, parts: Parts, layer: Layer) -> Plan:
        """The kernel that these arrays ask for. Raises KernelError where there is none for their sizes."""
        programs = programs_of(parts)
        reason = why_not_run(programs)
        if reason is not None:
            raise KernelError(
                f"{type(parts.cell).__name__} has no kernel for arrays of these sizes: {reason}"
            )
        table, marked = layer.characters is not None, layer.marks is not None
        return Plan(programs, self.machine, table=table, halves=halved(), marked=marked)


def find_sequence(plan: Plan, direction: str) -> Kernel:
    """The kernel of a whole sequence, forward or backward."""
    make: Callable[[Plan], Any] = make_forward if direction == "forward" else make_backward
    return find_kernel((direction, plan), lambda: make(plan))


def leaves(name: str, tree: Any) -> dict[str, Array]:
    """Arrays under the names that the kernel has for them."""
    return {f"{name} {number}": leaf for number, leaf in enumerate(jax.tree.leaves(tree))}


def marked(parts: Parts, marks: Array | None) -> dict[str, Array]:
    """The marks, and the memory that an emptied row has."""
    if marks is None:
        return {}
    fresh = jax.tree.map(lambda leaf: leaf[0], parts.cell.initial_state(1))
    return {"marks": marks} | leaves("fresh", fresh)


def looked_up(layer: Layer) -> dict[str, Array]:
    """The characters, where sources are tables."""
    return {} if layer.characters is None else {"characters": layer.characters}


def packed(plan: Plan, direction: str, layer: Layer) -> dict[str, Array]:
    """The matrices of the loop's products, as a direction reads them."""
    matrices = (weight.T if direction == "forward" else weight for weight, _ in layer.weights)
    return {f"packed {i}": panels(plan, direction, i).pack(matrix) for i, matrix in enumerate(matrices)}
