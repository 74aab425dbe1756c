"""A cell's step divided at its matrix products, for one batch row: what runs before the loop and inside it.

Whatever depends on the parameters alone is computed once, before the loop; so are products of the input, for all time
steps. The loop computes the remaining products in order: `operand` gives what each multiplies, `finish` computes the
new state and the output from all results.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import Cell
from charloop.engines.equations import Equation, Trace, Value, moving_values
from charloop.types import Parameters, State

SHAPING = {"broadcast_in_dim", "reshape", "squeeze", "expand_dims"}
"""Operations that are repeated in the loop: computed before it, they would only enlarge a parameter."""

Weights = tuple[Float[Array, "_ _"], Float[Array, " _"] | None]
"""`[columns, depth]`, and `[columns]` if there is a bias."""


@dataclass(frozen=True)
class Product:
    """`operand weightᵀ + bias`; the bias is None if there is none."""

    operand: Value
    weight: Value
    bias: Value | None
    result: Value
    source: int | None = None
    """For a product of the loop: the source it is added to, if nothing else is done with either."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of `cell.step` for parameters, an input and a state of given shapes."""

    cell: Cell
    trace: Trace
    params: tuple[Value, ...]
    inputs: Value
    state: Any
    """The state's values, in its structure."""
    new_state: Any
    output: Value
    sources: tuple[Product | None, ...]
    """What is computed from the input for all time steps: its products; None stands for the input itself."""
    products: tuple[Product, ...]
    """The products of the loop, in order. A product that is added to a source has their sum as its result."""
    shapes: Mapping[Value, jax.ShapeDtypeStruct]

    @cached_property
    def loop_params(self) -> tuple[Value, ...]:
        """Values computed from the parameters alone that the loop reads, besides the products' weights."""
        given = self._given(range(len(self.sources)), len(self.products))
        wanted = [*(p.operand for p in self.products), *jax.tree.leaves(self.new_state), self.output]
        reached = self._reach(wanted, given, self._is_made_before)
        return tuple(sorted(value for value in reached if self._is_made_before(value)))

    @property
    def dtype(self) -> Any:
        """Type of the output."""
        known = self.trace.constants.get(self.output)
        return self.shapes[self.output].dtype if known is None else jnp.result_type(known)

    @property
    def is_merged(self) -> tuple[bool, ...]:
        """For each source, whether a product of the loop is added to it and nothing else reads it."""
        merged = {product.source for product in self.products}
        return tuple(number in merged for number in range(len(self.sources)))

    @cached_property
    def reads(self) -> tuple[int | None, ...]:
        """For each product of the loop, the part of the state it multiplies; None if it multiplies another value."""
        leaves = jax.tree.leaves(self.state)
        return tuple(leaves.index(p.operand) if p.operand in leaves else None for p in self.products)

    def prepare(self, params: Parameters) -> tuple[tuple[Array, ...], tuple[Any, ...], tuple[Weights, ...]]:
        """Return the loop's parameters, and the weights of each source (None for the input) and loop product."""
        given = dict(zip(self.params, jax.tree.leaves(params), strict=True))
        both = [p for p in (*self.sources, *self.products) if p is not None]
        wanted = [*self.loop_params, *(w for p in both for w in (p.weight, p.bias) if w is not None)]
        known = dict(zip(wanted, self._evaluate(wanted, given), strict=True))

        def weights(product: Product | None) -> Any:
            return product and (known[product.weight], known.get(product.bias))  # type: ignore[arg-type]

        loop_params = tuple(known[value] for value in self.loop_params)
        return loop_params, tuple(map(weights, self.sources)), tuple(map(weights, self.products))

    def operand(
        self,
        number: int,
        loop_params: Sequence[Any],
        sources: Sequence[Any],
        results: Sequence[Any],
        state: State,
    ) -> Any:
        """Return what product `number` multiplies, given the `results` before it. A merged source is None."""
        return self._make([self.products[number].operand], loop_params, sources, results, state)[0]

    def finish(
        self, loop_params: Sequence[Any], sources: Sequence[Any], results: Sequence[Any], state: State
    ) -> tuple[State, Any]:
        """Return the new state and the output, given all results."""
        wanted = [*jax.tree.leaves(self.new_state), self.output]
        *leaves, output = self._make(wanted, loop_params, sources, results, state)
        return jax.tree.unflatten(jax.tree.structure(self.new_state), leaves), output

    def _make(
        self,
        wanted: list[Value],
        loop_params: Sequence[Any],
        sources: Sequence[Any],
        results: Sequence[Any],
        state: State,
    ) -> list[Any]:
        there = [number for number, source in enumerate(sources) if source is not None]
        given = self._given(there, len(results))
        values = [*(sources[number] for number in there), *results, *jax.tree.leaves(state)]
        known = dict(zip(given, values, strict=True)) | dict(zip(self.loop_params, loop_params, strict=True))
        return self._evaluate(wanted, known)

    def _given(self, sources: Iterable[int], results: int) -> list[Value]:
        """Return the values that the loop receives, in order."""
        made = [self.sources[number] for number in sources]
        found = [self.inputs if product is None else product.result for product in made]
        return [*found, *(p.result for p in self.products[:results]), *jax.tree.leaves(self.state)]

    @cached_property
    def _makers(self) -> dict[Value, Equation]:
        return {value: equation for equation in self.trace.equations for value in equation.outputs}

    @cached_property
    def _moving(self) -> set[Value]:
        """Values that depend on the input or the state."""
        return moving_values(self.trace, [self.inputs, *jax.tree.leaves(self.state)])

    def _is_made_before(self, value: Value) -> bool:
        """Return whether the value is computed before the loop: a float, and more than a reshaped parameter."""
        if value in self._moving or value in self.trace.constants:
            return False
        maker = self._makers.get(value)
        is_number = jnp.issubdtype(self.shapes[value].dtype, jnp.inexact)
        return maker is None or (is_number and maker.traced.primitive.name not in SHAPING)

    def _reach(
        self, wanted: Iterable[Value], given: Iterable[Value], stop: Callable[[Value], bool] = lambda _: False
    ) -> set[Value]:
        """Return the values that `wanted` depends on, back to those that are given or that `stop` accepts."""
        seen, known, waiting = set[Value](), set(given), list(wanted)
        while waiting:
            value = waiting.pop()
            if value not in seen:
                seen.add(value)
                if value not in known and not stop(value) and value in self._makers:
                    waiting.extend(self._makers[value].inputs)
        return seen

    def _evaluate(self, wanted: Sequence[Value], given: Mapping[Value, Any]) -> list[Any]:
        """Compute the `wanted` values from the given ones, evaluating the equations they depend on in order."""
        known, reached = self.trace.constants | dict(given), self._reach(wanted, given)
        for equation in self.trace.equations:
            if any(value in reached and value not in known for value in equation.outputs):
                made = equation.apply([known[value] for value in equation.inputs])
                known |= {v: m for v, m in zip(equation.outputs, made, strict=True) if v not in known}
        return [known[value] for value in wanted]
