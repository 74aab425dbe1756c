"""Whether a tick only ever adds its two products: one array can then stand for both, and one gradient."""

from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Float

from charloop.cells.base import TickCell
from charloop.types import State


def only_adds(
    cell: TickCell, own: Mapping[str, Any], gates: Float[Any, "*batch gates"], state: State
) -> bool:
    """Whether `from_input + from_state` is all that `cell.tick` does with either; seen in its trace, nothing runs."""
    program = jax.make_jaxpr(cell.tick)(own, gates, gates, state).jaxpr
    first = len(jax.tree.leaves(own))
    products = set(map(id, program.invars[first : first + 2]))
    readers = [e for e in program.eqns if products & set(map(id, e.invars))]
    if len(readers) != 1 or products & set(map(id, program.outvars)):
        return False
    return readers[0].primitive.name == "add" and set(map(id, readers[0].invars)) == products
