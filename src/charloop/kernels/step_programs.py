"""A cell's step between its products, traced forward and backward into programs for one batch row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import jax
import numpy as np

from charloop.cells.base import Cell
from charloop.engines.partition import partition_cell
from charloop.engines.parts import Parts
from charloop.kernels.tracing.program import Program
from charloop.kernels.tracing.rewriting import (
    SavedFunctions,
    add_saved_results,
    choose_saved_functions,
    drop_zero_results,
    read_saved_results,
)
from charloop.kernels.tracing.rules import NoRuleError
from charloop.kernels.tracing.trace import trace_program
from charloop.types import State

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StepPrograms:
    """A cell's step between its products, as programs for one batch row, traced once for all sizes."""

    parts: Parts

    @property
    def hidden(self) -> int:
        """Number of units."""
        return self.parts.cell.hidden_size

    @cached_property
    def loop_params(self) -> tuple[np.ndarray, ...]:
        """Zeros in the shapes of the loop's parameters, to trace with. NumPy arrays: a tracer must not outlive its
        trace.
        """
        return tuple(self._zeros(value) for value in self.parts.loop_params)

    @cached_property
    def state(self) -> State:
        """One batch row of the state."""
        found: State = jax.tree.map(self._zeros, self.parts.state)
        return found

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Columns of each of the loop's products."""
        return tuple(self._zeros(product.result).size for product in self.parts.products)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Numbers in each product's operand."""
        return tuple(self._zeros(product.operand).size for product in self.parts.products)

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """Columns of each source."""
        made = (self.parts.inputs if s is None else s.result for s in self.parts.sources)
        return tuple(self._zeros(value).size for value in made)

    @cached_property
    def lone_sources(self) -> tuple[int, ...]:
        """The sources that are not added to a product."""
        return tuple(number for number, merged in enumerate(self.parts.is_merged) if not merged)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers in each part of the state."""
        return tuple(leaf.size for leaf in jax.tree.leaves(self.state))

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Shape of each part of the state, for one batch row."""
        return tuple(leaf.shape for leaf in jax.tree.leaves(self.state))

    def is_number(self, leaf: int) -> bool:
        """Return whether a loop parameter is a single number, not rows."""
        shape = self.loop_params[leaf].shape
        return not shape or shape[-1] % self.hidden != 0

    @cached_property
    def operands(self) -> tuple[Program | None, ...]:
        """What each product multiplies; None if that is a part of the state itself. Raises NoRuleError."""
        return tuple(
            trace_program(self._operand(number), self._arguments(number), self.hidden)
            if read is None
            else None
            for number, read in enumerate(self.parts.reads)
        )

    @cached_property
    def operands_back(self) -> tuple[Program | None, ...]:
        """From an operand's gradient to those of the values it depends on, to be added up. Raises NoRuleError."""

        def trace(number: int) -> Program:
            gradients = {f"to_operand {number}": make_zeros((self.depths[number],))}
            made = self._trace_back(self._operand(number), self._arguments(number), gradients, ("operand",))
            return drop_zero_results(made)

        return tuple(trace(number) if read is None else None for number, read in enumerate(self.parts.reads))

    @cached_property
    def forward(self) -> Program:
        """From products and state to the new state, the output, and `saved_functions`. Raises NoRuleError."""
        return add_saved_results(self.traced_forward, self.saved_functions, self.last)

    @cached_property
    def backward(self) -> Program:
        """From the gradients of the results to those of the arguments. Raises NoRuleError."""
        return read_saved_results(self.traced_backward, self.saved_functions, self.last)

    @property
    def last(self) -> str:
        """The last product's result: only the end of the step reads it."""
        return f"result {len(self.parts.products) - 1}"

    @cached_property
    def saved_functions(self) -> SavedFunctions:
        """What the backward pass reads instead of a gate's sum. Raises NoRuleError."""
        if not self.parts.products or self.parts.products[-1].source is None:
            return {}
        return choose_saved_functions(self.traced_forward, self.traced_backward, self.last)

    @cached_property
    def traced_forward(self) -> Program:
        """The forward program before saved functions are added. Raises NoRuleError.

        A state or an output of another shape than the contract's is XLA's to report: a kernel would write out of
        bounds.
        """
        finish, arguments = self._finish, self._arguments(len(self.parts.products))
        found = jax.eval_shape(finish, *arguments.values())
        expected = {"new_state": self.state, "output": make_zeros((self.hidden,))}
        if jax.tree.map(np.shape, found) != jax.tree.map(np.shape, expected):
            raise NoRuleError(
                "the new state or the output has a shape that the contract of a cell does not allow"
            )
        return trace_program(finish, arguments, self.hidden)

    @cached_property
    def traced_backward(self) -> Program:
        """The backward program before it reads saved functions. Raises NoRuleError."""
        gradients = {"to_state": self.state, "to_output": make_zeros((self.hidden,))}
        arguments = self._arguments(len(self.parts.products))
        return self._trace_back(self._finish, arguments, gradients, ("new_state", "output"))

    def _trace_back(
        self,
        function: Callable[..., dict[str, Any]],
        arguments: dict[str, Any],
        gradients: dict[str, Any],
        results: tuple[str, ...],
    ) -> Program:
        """Trace from the `gradients` of the `results` of `function(*arguments)` to those of its arguments."""

        def pull(*given: Any) -> dict[str, Any]:
            _, back = jax.vjp(function, *given[: len(arguments)])
            outgoing = dict(zip(results, given[len(arguments) :], strict=True))
            return dict(zip(arguments, back(outgoing), strict=True))

        return trace_program(pull, arguments | gradients, self.hidden)

    def _arguments(self, results: int) -> dict[str, Any]:
        """Return the arguments of a program that reads the first `results` of the products."""
        sources = {f"source {number}": make_zeros((self.sources[number],)) for number in self.lone_sources}
        made = {f"result {number}": make_zeros((self.columns[number],)) for number in range(results)}
        return {"param": self.loop_params} | sources | made | {"state": self.state}

    def _arguments_of(self, given: Sequence[Any]) -> tuple[Any, list[Any], Sequence[Any], State]:
        """Convert a program's arguments to those of `Parts.operand` and `Parts.finish`."""
        loop_params, *rest, state = given
        sources = [None] * len(self.sources)
        for number, source in zip(self.lone_sources, rest, strict=False):
            sources[number] = source
        return loop_params, sources, rest[len(self.lone_sources) :], state

    def _operand(self, number: int) -> Callable[..., dict[str, Any]]:
        make = partial(self.parts.operand, number)
        return lambda *given: {"operand": make(*self._arguments_of(given))}

    def _finish(self, *given: Any) -> dict[str, Any]:
        new, output = self.parts.finish(*self._arguments_of(given))
        return {"new_state": new, "output": output}

    def _zeros(self, value: int) -> np.ndarray:
        shape = self.parts.shapes[value]
        return np.zeros(shape.shape, shape.dtype)

    @cached_property
    def output_is(self) -> int | None:
        """The part of the new state that equals the output, if there is one: it is written once."""
        results = self.forward.results
        for part, width in enumerate(self.widths):
            if width == self.hidden and results["new_state", part, 0] == results["output", 0, 0]:
                return part
        return None


@cache
def trace_parts(parts: Parts) -> StepPrograms:
    """Return the programs of `parts`; one object for all batch sizes and lengths, so that each is traced once."""
    return StepPrograms(parts)


def trace_cell(cell: Cell) -> StepPrograms:
    """Return the programs of a cell before its parameters exist."""
    return trace_parts(partition_cell(cell))


def make_zeros(shape: Shape) -> np.ndarray:
    """Return zeros to trace with."""
    return np.zeros(shape, np.float32)
