"""Find the matrix products in the trace of a cell's step, and divide the step at them."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

from charloop.cells.base import Cell
from charloop.engines.equations import Trace, Value, is_product, moving_values
from charloop.engines.parts import Parts, Product


def partition_cell(cell: Cell) -> Parts:
    """Return the parts of a cell before its parameters exist, for an input as wide as its output."""
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), cell.hidden_size))
    state = jax.eval_shape(lambda: cell.initial_state(1))
    row = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state)
    return partition_step(cell, params, jax.ShapeDtypeStruct((cell.hidden_size,), jnp.float32), row)


@cache
def reason_against_parts(cell: Cell) -> str | None:
    """Return why `cell.step` cannot be divided, in words; None if it can."""
    try:
        partition_cell(cell)
    except Exception as error:
        message = str(error).partition("\n")[0]
        return f"its step fails on a single row without a batch axis ({message})"
    return None


Shapes = tuple[tuple[tuple[int, ...], Any], ...]


def partition_step(cell: Cell, params: Any, inputs: Any, state: Any) -> Parts:
    """Return the parts of `cell.step` for arrays or shapes: one row of the input, and of each part of the state.

    Raises what tracing the step on one row, without a batch axis, raises.
    """
    structure = jax.tree.structure((params, inputs, state))
    leaves = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves((params, inputs, state)))
    return _partition_step(cell, structure, leaves)


@cache
def _partition_step(cell: Cell, structure: Any, leaves: Shapes) -> Parts:
    arguments = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    # In its own thread: inside `shard_map`, JAX would trace other operations, and the result is cached.
    with ThreadPoolExecutor(1) as pool:
        closed, shapes = pool.submit(jax.make_jaxpr(cell.step, return_shape=True), *arguments).result()
    trace = Trace()
    numbers = jax.tree.unflatten(structure, trace.number(len(leaves)))
    new_state, output = jax.tree.unflatten(
        jax.tree.structure(shapes), trace.follow(closed, jax.tree.leaves(numbers))
    )
    return find_products(cell, trace, numbers, (new_state, output), leaves)


def find_products(
    cell: Cell, trace: Trace, numbers: Any, results: tuple[Any, Value], leaves: Shapes
) -> Parts:
    """Find the products among the equations, and what they multiply."""
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
    # Engines read the number of time steps from a source, so there must be one.
    if not sources or inputs in ends or any(inputs in equation.inputs for equation in others):
        sources.append(None)
    merged = tuple(merge_with_source(trace, sources, product, ends) for product in products)
    shapes = {number: jax.ShapeDtypeStruct(*leaf) for number, leaf in enumerate(leaves)}
    for equation in trace.equations:
        for value, variable in zip(equation.outputs, equation.traced.outvars, strict=True):
            shapes[value] = jax.ShapeDtypeStruct(variable.aval.shape, variable.aval.dtype)
    loop_params = tuple(jax.tree.leaves(params))
    return Parts(cell, trace, loop_params, inputs, state, *results, tuple(sources), merged, shapes)


def merge_with_source(
    trace: Trace, sources: list[Product | None], product: Product, ends: set[Value]
) -> Product:
    """Return the product merged with its source, if the two are added and nothing else reads either."""
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
