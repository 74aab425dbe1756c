"""Random steps: arithmetic on gates and state, against NumPy in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cells.compiling import quick_jit
from cells.gated import GatedCell
from cells.runs import values_and_gradients
from charloop.kernels.engine import Kernels
from charloop.unroll.fused import fused

TIME, BATCH, INPUT = 3, 2, 3
Step = tuple[str, int, int]


def softmax(np: Any, x: Any) -> Any:
    """Two sums over the row, one of what the other gave."""
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


UNARY: dict[str, Callable[[Any, Any], Any]] = {
    "tanh": lambda np, x: np.tanh(x),
    "sigmoid": lambda np, x: 1 / (1 + np.exp(-x)),
    "square": lambda _, x: 0.3 * x * x,
    "softly": lambda np, x: np.log(1 + x * x),
    "root": lambda np, x: np.sqrt(1 + x * x),
    "inverse root": lambda np, x: 1 / np.sqrt(1 + x * x),
    "bounded": lambda np, x: np.minimum(np.maximum(x, -0.7), 0.8),
    "hinge": lambda np, x: np.where(x > 0.1, x, 0.2 * x),
    "cube": lambda _, x: 0.1 * x**3,
    "centred": lambda _, x: x - x.mean(-1, keepdims=True),
    "normal": lambda np, x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1),
    "shared": lambda np, x: softmax(np, x),
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
    "mul": lambda np, a, b: np.tanh(a) * b,
    "over": lambda _, a, b: a / (1 + b * b),
    "max": lambda np, a, b: np.maximum(a, b),
}


@dataclass(frozen=True)
class Random(GatedCell):
    """Two gates, the state, a parameter; then each step is made of two values before it."""

    steps: tuple[Step, ...] = ()
    adds: bool = True
    gates: ClassVar[int] = 2
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "memory")

    def init(self, key: Any, input_size: int) -> Any:
        return super().init(key, input_size) | {"own": jnp.linspace(-1, 1, self.hidden_size)}

    def compute(self, np: Any, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:
        units = self.hidden_size
        both = from_input + from_state
        values = [
            both[..., :units],
            both[..., units:],
            state["hidden"],
            state["memory"],
            params["own"] + state["hidden"],
        ]
        if not self.adds:
            values.append(np.tanh(from_input[..., :units]) * from_state[..., units:])
        for name, first, second in self.steps:
            a, b = values[first % len(values)], values[second % len(values)]
            values.append(UNARY[name](np, a) if name in UNARY else BINARY[name](np, a, b))
        # Bounded, so that no gradient runs away over time.
        hidden, memory = np.tanh(values[-1]), np.tanh(values[-2] + 0.5 * state["memory"])
        return {"hidden": hidden, "memory": memory}, hidden * memory

    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any:
        return self.compute(jnp, params, from_input, from_state, state)


def in_numpy(cell: Random, params: Any, inputs: Any, state: Any) -> Any:
    outputs = []
    for x in inputs:
        from_input = x @ params["weight_ih"].T + params["bias_ih"]
        from_state = state["hidden"] @ params["weight_hh"].T + params["bias_hh"]
        state, output = cell.compute(np, params, from_input, from_state, state)
        outputs.append(output)
    return state, np.stack(outputs)


steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=7,
).map(tuple)


@settings(max_examples=5, deadline=None)
@given(steps=steps, adds=st.booleans(), hidden=st.sampled_from([3, 8, 17]), seed=st.integers(0, 99))
def test_a_random_step_has_numpys_values_and_directional_derivatives(
    steps: tuple[Step, ...], adds: bool, hidden: int, seed: int
) -> None:
    cell, random = Random(hidden, steps, adds), np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: (cell.init(jax.random.key(0), INPUT), cell.initial_state(BATCH)))
    params, state = jax.tree.map(lambda leaf: 0.5 * random.normal(size=leaf.shape), shapes)
    point = (params, random.normal(size=(TIME, BATCH, INPUT)), state)
    weights = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), in_numpy(cell, *point))

    single = partial(jax.tree.map, np.float32)
    kernel = partial(values_and_gradients, partial(fused, cell, engine=Kernels()))
    values, gradients = quick_jit(kernel)(single(point), single(weights))
    exact = in_numpy(cell, *point)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), jax.device_get(values), exact)

    def loss(distance: float, direction: Any) -> float:
        moved = jax.tree.map(lambda at, way: at + distance * way, point, direction)
        return sum(jax.tree.leaves(jax.tree.map(np.vdot, in_numpy(cell, *moved), weights)))

    direction = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), point)
    slopes = [(loss(h, direction) - loss(-h, direction)) / (2 * h) for h in (1e-5, 1e-6)]
    # Where two differences disagree, a corner of max lies between them, and there is no gradient to compare with.
    if abs(slopes[0] - slopes[1]) < 1e-4 * (1 + abs(slopes[0])):
        along = sum(jax.tree.leaves(jax.tree.map(np.vdot, gradients, direction)))
        np.testing.assert_allclose(along, slopes[0], rtol=1e-3, atol=1e-3)
