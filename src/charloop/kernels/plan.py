"""What a kernel is made for: a cell's tick traced both ways. Batch and time are known at run time only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import numpy as np

from charloop.cells.additive import only_adds
from charloop.cells.base import TickCell
from charloop.kernels.keeping import Kept, choose_kept, read_kept, write_kept
from charloop.kernels.machine import Machine
from charloop.kernels.program import Program
from charloop.kernels.rules import NoRuleError
from charloop.kernels.trace import trace
from charloop.types import Parameters, State

Shape = tuple[int, ...]
PRODUCTS = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
"""Parameters of the engine's two products; the others are the tick's own."""


@dataclass(frozen=True)
class Tick:
    """A cell's tick, of one batch row, and the shapes of its own parameters."""

    cell: TickCell
    own: tuple[tuple[str, Shape], ...]

    @property
    def hidden(self) -> int:
        """Units."""
        return self.cell.hidden_size

    @property
    def columns(self) -> int:
        """Of the products: all gates."""
        return self.cell.gates * self.hidden

    @cached_property
    def adds(self) -> bool:
        """Whether the tick only ever adds its two products: then one array stands for both."""
        return only_adds(self.cell, self.parameters, self.gates, self.state)

    @cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """Of the tick, to trace it with. NumPy's: a tracer must not outlive the trace that asked for this tick."""
        return {name: zeros(shape) for name, shape in self.own}

    @cached_property
    def gates(self) -> np.ndarray:
        """One row of a product."""
        return zeros((self.columns,))

    @cached_property
    def state(self) -> State:
        """One row of the state."""
        shapes = jax.eval_shape(lambda: self.cell.initial_state(1))
        return jax.tree.map(lambda leaf: zeros(leaf.shape[1:]), shapes)

    def is_number(self, leaf: int) -> bool:
        """Whether a parameter of the tick is a single number, and not rows."""
        shape = self.own[leaf][1]
        return not shape or shape[-1] % self.hidden != 0

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers of each part of the state."""
        return tuple(leaf.size for leaf in jax.tree.leaves(self.state))

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Of each part of the state, for one batch row."""
        return tuple(leaf.shape for leaf in jax.tree.leaves(self.state))

    @cached_property
    def recurrent(self) -> int:
        """Which part of the state the product reads. Raises NoRuleError if it reads what is no part of it."""
        program = jax.make_jaxpr(self.cell.recurrent)(self.state).jaxpr
        for number, variable in enumerate(program.invars):
            if variable is program.outvars[0]:
                return number
        raise NoRuleError("recurrent(state) is not one part of the state as it is")

    @cached_property
    def forward(self) -> Program:
        """From products and state to the new state, the output, and what is `kept`. Raises NoRuleError."""
        return write_kept(self.plain_forward, self.kept)

    @cached_property
    def backward(self) -> Program:
        """From the gradients of what comes out to those of what goes in. Raises NoRuleError."""
        return read_kept(self.plain_backward, self.kept)

    @cached_property
    def kept(self) -> Kept:
        """What the way back finds in the place of a gate's sum. Raises NoRuleError."""
        return choose_kept(self.plain_forward, self.plain_backward) if self.adds else {}

    @cached_property
    def plain_forward(self) -> Program:
        """As it was traced. Raises NoRuleError.

        A state or an output of another shape than the contract's is XLA's to complain of: a kernel would write it.
        """
        found = jax.eval_shape(self._tick, *self._arguments.values())
        expected = {"new_state": self.state, "output": zeros((self.hidden,))}
        if jax.tree.map(np.shape, found) != jax.tree.map(np.shape, expected):
            raise NoRuleError("the new state or the output has another shape than the contract says")
        return trace(self._tick, self._arguments, self.hidden)

    @cached_property
    def plain_backward(self) -> Program:
        """As it was traced. Raises NoRuleError."""
        outgoing = {"to_state": self.state, "to_output": zeros((self.hidden,))}
        return trace(self._pull, self._arguments | outgoing, self.hidden)

    @property
    def _arguments(self) -> dict[str, Any]:
        products = ("from_state",) if self.adds else ("from_input", "from_state")
        return {"own": self.parameters} | dict.fromkeys(products, self.gates) | {"state": self.state}

    @property
    def _tick(self) -> Callable[..., dict[str, Any]]:
        def tick(own: Parameters, *rest: Any) -> dict[str, Any]:
            *products, state = rest
            # Where the two are only ever added, the array is their sum.
            second = products[1] if len(products) > 1 else jax.numpy.zeros_like(products[0])
            new, output = self.cell.tick(own, products[0], second, state)
            return {"new_state": new, "output": output}

        return tick

    def _pull(self, *arguments: Any) -> dict[str, Any]:
        *inputs, to_state, to_output = arguments
        _, pull = jax.vjp(self._tick, *inputs)
        found = pull({"new_state": to_state, "output": to_output})
        return dict(zip(self._arguments, found, strict=True))

    @cached_property
    def output_is(self) -> int | None:
        """The part of the new state that the output is, if it is one: it is written once."""
        results = self.forward.results
        for part, width in enumerate(self.widths):
            if width == self.hidden and results["new_state", part, 0] == results["output", 0, 0]:
                return part
        return None


@cache
def tick_of(cell: TickCell, own: tuple[tuple[str, Shape], ...]) -> Tick:
    """One for all sizes of batch and time: it is traced once."""
    return Tick(cell, own)


@dataclass(frozen=True)
class Plan:
    """A layer's sequence on a machine: all that its machine code depends on."""

    tick: Tick
    machine: Machine
    table: bool = False
    """Whether characters look their products up in a table; else each place has its own."""
    bias: bool = True
    """Whether the state's product has one."""
    halves: bool = False
    """Whether products are of bfloat16 numbers."""
    marked: bool = False
    """Whether there is a mark for each row and time: reset, idle, or neither (`unroll.marks`)."""


def zeros(shape: Shape) -> np.ndarray:
    """To trace with."""
    return np.zeros(shape, np.float32)


def tick_for(cell: TickCell) -> Tick:
    """The tick of a cell whose parameters are not made yet."""
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), 1))
    own = {name: leaf.shape for name, leaf in params.items() if name not in PRODUCTS}
    return tick_of(cell, tuple(sorted(own.items())))


def why_not(cell: object) -> str | None:
    """Why `cell` cannot have a kernel, in words; None if it can."""
    if not isinstance(cell, TickCell):
        return f"{type(cell).__name__} gives a step, not a tick"
    # In a thread of its own: inside `shard_map`, JAX would trace other operations, and the answer is kept for good.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_why_not, cell).result()


def _why_not(cell: TickCell) -> str | None:
    try:
        tick = tick_for(cell)
        _ = tick.recurrent, tick.forward, tick.backward
    except NoRuleError as reason:
        return str(reason)
    return None
