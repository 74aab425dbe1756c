"""The engine that runs a layer by kernels (`charloop.engines.base`): each is compiled once and runs any lengths."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.engines.base import ForwardResult, LastGradients, LayerArrays
from charloop.engines.parts import Parts, Weights
from charloop.kernels.availability import KernelError
from charloop.kernels.cross_entropy import compute_cross_entropy
from charloop.kernels.dense import multiply_dense
from charloop.kernels.emitting.arguments import choose_panels, result_gradient_name
from charloop.kernels.emitting.backward import make_backward
from charloop.kernels.emitting.forward import make_forward
from charloop.kernels.gradient import PreviousStates, sum_table_gradient, sum_weight_gradient
from charloop.kernels.machine import Machine, detect_machine
from charloop.kernels.plan import Plan, reason_against_programs
from charloop.kernels.registry import Kernel, find_kernel
from charloop.kernels.step_programs import trace_parts
from charloop.precision import is_bfloat16
from charloop.types import Characters, Logits, State


@dataclass(frozen=True)
class Kernels:
    """Machine code compiled from the cell, for `machine`. Float32 only; raises KernelError if a compilation fails."""

    machine: Machine = field(default_factory=detect_machine)

    def product(
        self,
        inputs: Float[Array, "time batch columns"],
        weight: Float[Array, "rows columns"],
        bias: Float[Array, " rows"] | None = None,
    ) -> Float[Array, "time batch rows"]:
        """Return `inputs weightᵀ + bias`."""
        made: Array = multiply_dense(self.machine, inputs, weight, bias)
        return made

    def cross_entropy(self, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
        """Return the nats of each target."""
        nats: Array = compute_cross_entropy(self.machine, logits, targets.astype(jnp.int32))
        return nats

    def prepare(self, parts: Parts, layer: LayerArrays) -> None:
        """Compile the kernels of both directions, so that a failure of the backward one shows before the forward
        pass.
        """
        plan = self.plan_of(parts, layer)
        for direction in ("forward", "backward"):
            find_sequence_kernel(plan, direction)

    def run_forward(self, parts: Parts, layer: LayerArrays) -> ForwardResult:
        """Return the last state, the outputs, and for the backward pass all states, results and operands."""
        plan = self.plan_of(parts, layer)
        programs, given = plan.programs, name_arguments(plan, "forward", layer)
        for number, (product, (_, bias)) in enumerate(zip(parts.products, layer.weights, strict=True)):
            given[f"bias {number}"] = jnp.zeros(programs.columns[number]) if bias is None else bias
            if product.source is not None:
                given[f"result {number}"] = layer.sources[product.source]
        time, batch = layer.size
        found = find_sequence_kernel(plan, "forward")(given, time=time, batch=batch)
        states = tuple(found[f"state {part}"] for part in range(len(programs.widths)))
        outputs = found["output"] if programs.output_is is None else states[programs.output_is]
        every = jax.tree.unflatten(jax.tree.structure(layer.start), states)
        results = {name: array for name, array in found.items() if name.startswith(("result", "operand"))}
        return jax.tree.map(lambda leaf: leaf[-1], every), outputs, (every, results)

    def run_backward(
        self, parts: Parts, layer: LayerArrays, saved: Any, gradients: LastGradients
    ) -> LayerArrays:
        """Return the gradients of the layer."""
        plan, (every, results) = self.plan_of(parts, layer), saved
        given = name_arguments(plan, "backward", layer) | name_leaves("state", every) | results
        given |= {"to_output": gradients[1]} | name_leaves("to_state", gradients[0])
        given |= name_leaves("to_param", jax.tree.map(jnp.zeros_like, layer.loop_params))
        found = find_sequence_kernel(plan, "backward")(given)
        state_gradients = [found[f"to_state {part}"] for part in range(len(plan.programs.widths))]
        to_results = [found[result_gradient_name(plan, number)] for number in range(len(parts.products))]
        sums = {product.source: to_results[number] for number, product in enumerate(parts.products)}
        to_sources = [
            sums[number] if number in sums else found[f"to_source {number}"]
            for number in range(len(layer.sources))
        ]
        if layer.characters is not None:
            to_sources = [
                sum_table_gradient(self.machine, to_source, layer.characters, len(source))
                for to_source, source in zip(to_sources, layer.sources, strict=True)
            ]
        return LayerArrays(
            tuple(found[f"to_param {leaf}"] for leaf in range(len(layer.loop_params))),
            tuple(
                self._weight_gradient(parts, layer, number, to_result, every, results)
                for number, to_result in enumerate(to_results)
            ),
            tuple(to_sources),
            None,
            jax.tree.unflatten(jax.tree.structure(layer.start), state_gradients),
            None,
        )

    def _weight_gradient(
        self,
        parts: Parts,
        layer: LayerArrays,
        number: int,
        to_result: Array,
        every: State,
        results: dict[str, Array],
    ) -> Weights:
        part, previous = parts.reads[number], None
        if part is None:
            right = results[f"operand {number}"]
        else:
            first, later = (jax.tree.leaves(tree)[part] for tree in (layer.start, every))
            fresh = None
            if layer.flags is not None:
                fresh = jax.tree.leaves(parts.cell.initial_state(1))[part].ravel()
            right = later.reshape(*later.shape[:2], -1)
            previous = PreviousStates(first.reshape(len(first), -1), layer.flags, fresh)
        to_weight, to_bias = sum_weight_gradient(self.machine, to_result, right, previous)
        return to_weight, None if layer.weights[number][1] is None else to_bias

    def plan_of(self, parts: Parts, layer: LayerArrays) -> Plan:
        """Return what kernel these arrays need. Raises KernelError if there is none for their sizes."""
        programs = trace_parts(parts)
        reason = reason_against_programs(programs)
        if reason is not None:
            raise KernelError(
                f"{type(parts.cell).__name__} has no kernel for arrays of these sizes: {reason}"
            )
        table, flagged = layer.characters is not None, layer.flags is not None
        return Plan(programs, self.machine, table=table, bfloat16=is_bfloat16(), flagged=flagged)


def find_sequence_kernel(plan: Plan, direction: str) -> Kernel:
    """Return the kernel of a whole sequence, forward or backward."""
    make = make_forward if direction == "forward" else make_backward
    return find_kernel((direction, plan), lambda: make(plan))


def name_leaves(name: str, tree: Any) -> dict[str, Array]:
    """Return the leaves of a tree under the argument names `NAME 0`, `NAME 1` and so on."""
    return {f"{name} {number}": leaf for number, leaf in enumerate(jax.tree.leaves(tree))}


def name_arguments(plan: Plan, direction: str, layer: LayerArrays) -> dict[str, Array]:
    """Return by name what both directions read; matrices in the memory layout of `direction`."""
    given = name_leaves("param", layer.loop_params) | name_leaves("start", layer.start)
    given |= name_leaves("source", layer.sources)
    for number, (weight, _) in enumerate(layer.weights):
        matrix = weight.T if direction == "forward" else weight
        given[f"packed {number}"] = choose_panels(plan, direction, number).pack(matrix)
    if layer.flags is not None:
        fresh = jax.tree.map(lambda leaf: leaf[0], plan.programs.parts.cell.initial_state(1))
        given |= {"flags": layer.flags} | name_leaves("fresh", fresh)
    return given if layer.characters is None else given | {"characters": layer.characters}
