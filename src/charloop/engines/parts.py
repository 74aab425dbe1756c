"""A cell's step taken apart at its matrix products, as its trace shows them: before the loop, in it, and after it.

What comes of the parameters alone is made once, before the loop; so are products of the input, for all times. The
loop's own products are made one after the other: `operand` says what each multiplies, `finish` what comes of them
all. Everything here is of one batch row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import Cell
from charloop.engines.equations import Equation, Trace, Value, is_product, moving_values
from charloop.types import Parameters, State

SHAPING = {"broadcast_in_dim", "reshape", "squeeze", "expand_dims"}
"""What is made again in the loop: made before it, a parameter would only be larger."""

Weights = tuple[Float[Array, "_ _"], Float[Array, " _"] | None]
"""`[columns, depth]`, and `[columns]` where there is a bias."""


@dataclass(frozen=True)
class Product:
    """`operand weightᵀ + bias`; the bias is None where there is none."""

    operand: Value
    weight: Value
    bias: Value | None
    result: Value
    source: int | None = None
    """Of a loop's product: the source it is added to, where that is all that is done with both."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of `cell.step` for parameters, an input and a state of certain shapes."""

    cell: Cell
    trace: Trace
    params: tuple[Value, ...]
    inputs: Value
    state: Any
    """The state's values, in its structure."""
    new_state: Any
    output: Value
    sources: tuple[Product | None, ...]
    """What is made of the input for all times: its products, and None for the input as it is."""
    products: tuple[Product, ...]
    """The loop's own, in order. The result is the sum, where it is added to a source."""
    shapes: Mapping[Value, jax.ShapeDtypeStruct]

    @cached_property
    def own(self) -> tuple[Value, ...]:
        """What the loop reads that comes of the parameters alone, beside the products' weights."""
        given = self._given(range(len(self.sources)), len(self.products))
        reached = self._reach(self._wanted, given, self._is_made_before)
        return tuple(sorted(value for value in reached if self._is_made_before(value)))

    @property
    def dtype(self) -> Any:
        """Of the output."""
        known = self.trace.constants.get(self.output)
        return self.shapes[self.output].dtype if known is None else jnp.result_type(known)

    @property
    def is_merged(self) -> tuple[bool, ...]:
        """For each source, whether one of the loop's products is added to it and nothing else reads it."""
        merged = {product.source for product in self.products}
        return tuple(number in merged for number in range(len(self.sources)))

    @cached_property
    def reads(self) -> tuple[int | None, ...]:
        """For each of the loop's products: which part of the state it multiplies as it is, if it does."""
        leaves = jax.tree.leaves(self.state)
        return tuple(leaves.index(p.operand) if p.operand in leaves else None for p in self.products)

    def prepare(self, params: Parameters) -> tuple[tuple[Array, ...], tuple[Any, ...], tuple[Weights, ...]]:
        """What the loop reads; the weights of each source's product, None for the input; of each of the loop's."""
        given = dict(zip(self.params, jax.tree.leaves(params), strict=True))
        both = [p for p in (*self.sources, *self.products) if p is not None]
        wanted = [*self.own, *(w for p in both for w in (p.weight, p.bias) if w is not None)]
        known = dict(zip(wanted, self._evaluate(wanted, given), strict=True))

        def weights(product: Product | None) -> Any:
            return product and (known[product.weight], known.get(product.bias))  # type: ignore[arg-type]

        own = tuple(known[value] for value in self.own)
        return own, tuple(map(weights, self.sources)), tuple(map(weights, self.products))

    def operand(
        self, number: int, own: Sequence[Any], sources: Sequence[Any], results: Sequence[Any], state: State
    ) -> Any:
        """What the loop's product `number` multiplies, of the `results` before it. A merged source is None."""
        return self._make([self.products[number].operand], own, sources, results, state)[0]

    def finish(
        self, own: Sequence[Any], sources: Sequence[Any], results: Sequence[Any], state: State
    ) -> tuple[State, Any]:
        """The new state and the output, of all results."""
        wanted = [*jax.tree.leaves(self.new_state), self.output]
        *leaves, output = self._make(wanted, own, sources, results, state)
        return jax.tree.unflatten(jax.tree.structure(self.new_state), leaves), output

    def _make(
        self,
        wanted: list[Value],
        own: Sequence[Any],
        sources: Sequence[Any],
        results: Sequence[Any],
        state: State,
    ) -> list[Any]:
        there = [number for number, source in enumerate(sources) if source is not None]
        given = self._given(there, len(results))
        values = [*(sources[number] for number in there), *results, *jax.tree.leaves(state)]
        known = dict(zip(given, values, strict=True)) | dict(zip(self.own, own, strict=True))
        return self._evaluate(wanted, known)

    def _given(self, sources: Iterable[int], results: int) -> list[Value]:
        """The values that the loop is handed, in order."""
        made = [self.sources[number] for number in sources]
        found = [self.inputs if product is None else product.result for product in made]
        return [*found, *(p.result for p in self.products[:results]), *jax.tree.leaves(self.state)]

    @property
    def _wanted(self) -> list[Value]:
        """What the loop makes."""
        operands = [product.operand for product in self.products]
        return [*operands, *jax.tree.leaves(self.new_state), self.output]

    @cached_property
    def _makers(self) -> dict[Value, Equation]:
        return {value: equation for equation in self.trace.equations for value in equation.outputs}

    @cached_property
    def _moving(self) -> set[Value]:
        """What comes of the input or the state."""
        return moving_values(self.trace, [self.inputs, *jax.tree.leaves(self.state)])

    def _is_made_before(self, value: Value) -> bool:
        """Whether the loop reads it as it was made before: a number of the parameters' and not merely spread out."""
        if value in self._moving or value in self.trace.constants:
            return False
        maker = self._makers.get(value)
        is_number = jnp.issubdtype(self.shapes[value].dtype, jnp.inexact)
        return maker is None or (is_number and maker.traced.primitive.name not in SHAPING)

    def _reach(
        self, wanted: Iterable[Value], given: Iterable[Value], stop: Callable[[Value], bool] = lambda _: False
    ) -> set[Value]:
        """The values on the way from `wanted` back to what is given, or stopped at."""
        seen, known, waiting = set[Value](), set(given), list(wanted)
        while waiting:
            value = waiting.pop()
            if value not in seen:
                seen.add(value)
                if value not in known and not stop(value) and value in self._makers:
                    waiting.extend(self._makers[value].inputs)
        return seen

    def _evaluate(self, wanted: Sequence[Value], given: Mapping[Value, Any]) -> list[Any]:
        """The values, of those that are given: all equations on the way, in order."""
        known, reached = self.trace.constants | dict(given), self._reach(wanted, given)
        for equation in self.trace.equations:
            if any(value in reached and value not in known for value in equation.outputs):
                made = equation.apply([known[value] for value in equation.inputs])
                known |= {v: m for v, m in zip(equation.outputs, made, strict=True) if v not in known}
        return [known[value] for value in wanted]


def partition_cell(cell: Cell) -> Parts:
    """The parts of a cell whose parameters are not made yet, for an input as wide as its output."""
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), cell.hidden_size))
    state = jax.eval_shape(lambda: cell.initial_state(1))
    row = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state)
    return parts_of(cell, params, jax.ShapeDtypeStruct((cell.hidden_size,), jnp.float32), row)


@cache
def reason_against_parts(cell: Cell) -> str | None:
    """Why `cell.step` cannot be taken apart, in words; None if it can."""
    try:
        partition_cell(cell)
    except Exception as error:
        message = str(error).partition("\n")[0]
        return f"its step does not run on one row without a batch axis ({message})"
    return None


Shapes = tuple[tuple[tuple[int, ...], Any], ...]


def parts_of(cell: Cell, params: Any, inputs: Any, state: Any) -> Parts:
    """The parts of `cell.step`, of arrays or shapes: a row of the input, and of each part of the state.

    Raises what tracing the step with one row, without a batch axis, raises.
    """
    structure = jax.tree.structure((params, inputs, state))
    leaves = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves((params, inputs, state)))
    return _parts_of(cell, structure, leaves)


@cache
def _parts_of(cell: Cell, structure: Any, leaves: Shapes) -> Parts:
    arguments = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    # In a thread of its own: inside `shard_map`, JAX would trace other operations, and the answer is kept for good.
    with ThreadPoolExecutor(1) as pool:
        closed, shapes = pool.submit(jax.make_jaxpr(cell.step, return_shape=True), *arguments).result()
    trace = Trace()
    numbers = jax.tree.unflatten(structure, trace.number(len(leaves)))
    new_state, output = jax.tree.unflatten(
        jax.tree.structure(shapes), trace.follow(closed, jax.tree.leaves(numbers))
    )
    return split(cell, trace, numbers, (new_state, output), leaves)


def split(cell: Cell, trace: Trace, numbers: Any, results: tuple[Any, Value], leaves: Shapes) -> Parts:
    """Find the products among the equations, and what they are products of."""
    params, inputs, state = numbers
    moving = moving_values(trace, jax.tree.leaves((inputs, state)))
    sources, products = list[Product | None](), list[Product]()
    for equation in trace.equations:
        if not is_product(equation.traced):
            continue
        operand, *weights = equation.inputs
        if operand in moving and not moving & set(weights):
            made = Product(operand, weights[0], (*weights[1:], None)[0], equation.outputs[0])
            (sources if operand == inputs else products).append(made)
    ends = {*jax.tree.leaves(results[0]), results[1]}
    found = {product.result for product in sources if product}
    others = [e for e in trace.equations if not found & set(e.outputs)]
    # An engine learns from its sources how long the text is: there is always one.
    if not sources or inputs in ends or any(inputs in equation.inputs for equation in others):
        sources.append(None)
    merged = tuple(merge(trace, sources, product, ends) for product in products)
    shapes = {number: jax.ShapeDtypeStruct(*leaf) for number, leaf in enumerate(leaves)}
    for equation in trace.equations:
        for value, variable in zip(equation.outputs, equation.traced.outvars, strict=True):
            shapes[value] = jax.ShapeDtypeStruct(variable.aval.shape, variable.aval.dtype)
    own = tuple(jax.tree.leaves(params))
    return Parts(cell, trace, own, inputs, state, *results, tuple(sources), merged, shapes)


def merge(trace: Trace, sources: list[Product | None], product: Product, ends: set[Value]) -> Product:
    """The product with its source, where the two are added and nothing else is done with either."""
    readers = [e for e in trace.equations if product.result in e.inputs]
    if product.result in ends or len(readers) != 1 or readers[0].traced.primitive.name != "add":
        return product
    (other,) = (*(v for v in readers[0].inputs if v != product.result), None)[:1]
    same_size = len({variable.aval for variable in readers[0].traced.invars}) == 1
    for number, source in enumerate(sources):
        if source is None or source.result != other or other in ends or not same_size:
            continue
        if sum(other in e.inputs for e in trace.equations) == 1:
            return Product(product.operand, product.weight, product.bias, readers[0].outputs[0], number)
    return product
