"""The Mogrifier of examples/my_cells.py, whose inputs have as many features as the layer has units."""

import jax
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.oracle import lstm, mogrifier, run
from cells.runs import assert_close
from cells.table import EXAMPLES, HIDDEN, Case
from charloop.unroll import UNROLLINGS

CASE = Case(f"{EXAMPLES / 'my_cells.py'}:Mogrifier")


def arguments(case: Case):
    random, cell = np.random.default_rng(5), case.build()
    shapes = jax.eval_shape(lambda key: cell.init(key, HIDDEN), jax.random.key(0))
    params = {name: random.normal(size=leaf.shape).astype(np.float32) / 2 for name, leaf in shapes.items()}
    state = {name: random.normal(size=(2, HIDDEN)).astype(np.float32) for name in cell.state_names}
    return params, random.normal(size=(4, 2, HIDDEN)).astype(np.float32), state


def expect(step, params, inputs, state):
    outputs, (last,) = run(step, [params], inputs, [state])
    return last, outputs


@pytest.mark.parametrize("unrolling", ["fused", "static"])
def test_its_values_are_those_of_the_equations(unrolling):
    given = arguments(CASE)
    forward = quick_jit(lambda *given: UNROLLINGS[unrolling](CASE.build(), *given))
    assert_close(forward(*given), expect(mogrifier, *given))


def test_without_rounds_it_is_an_lstm():
    case = Case(CASE.cell, ("rounds=0",))
    given = arguments(case)
    forward = quick_jit(lambda *given: UNROLLINGS["static"](case.build(), *given))
    assert_close(forward(*given), expect(lstm, *given))


def test_its_gradients_by_the_kernel_are_those_of_the_plain_loop():
    given = arguments(CASE)

    def gradients(unrolling):
        def total(*given):
            last, outputs = UNROLLINGS[unrolling](CASE.build(), *given)
            return (outputs**2).sum() + sum((value**3).sum() for value in last.values())

        return quick_jit(jax.grad(total, argnums=(0, 1, 2)))(*given)

    assert_close(gradients("fused"), gradients("static"), 1e-4)
