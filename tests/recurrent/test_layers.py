"""A layer and a stack against a plain Python loop of `cell.step`, with resets and lengths by hand."""

import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from charloop.cells import CELLS, make_cell
from charloop.dropout import apply_dropout
from charloop.recurrent import Recurrent, Stack
from charloop.recurrent.stack import INNER, select_parameters
from charloop.unroll import UNROLLINGS
from choosing import mostly_slow

TIME, BATCH, INPUT, HIDDEN = 6, 3, 4, 5
KEY = jax.random.key(0)
INPUTS = jax.random.normal(jax.random.key(1), (TIME, BATCH, INPUT))
RESETS = np.zeros((TIME, BATCH), bool)
RESETS[[0, 2, 4], [0, 1, 2]] = True
LENGTHS = np.array([6, 4, 0])
MARKS = {"none": {}, "resets": {"resets": RESETS}, "lengths": {"lengths": LENGTHS}}
MARKS["both"] = MARKS["resets"] | MARKS["lengths"]


def slowly(cell: Any, params: Any, inputs: Any, state: Any, resets: Any = None, lengths: Any = None) -> Any:
    rows, ends, step = [], [], jax.jit(cell.step)
    for row in range(inputs.shape[1]):
        memory, outputs = jax.tree.map(lambda leaf, row=row: leaf[row], state), []
        for time in range(len(inputs)):
            if lengths is not None and time >= lengths[row]:
                outputs.append(jnp.zeros(cell.hidden_size))
                continue
            if resets is not None and resets[time, row]:
                memory = jax.tree.map(lambda leaf: leaf[0], cell.initial_state(1))
            memory, output = step(params, inputs[time, row], memory)
            outputs.append(output)
        rows.append(jnp.stack(outputs))
        ends.append(memory)
    return jnp.stack(rows, 1), jax.tree.map(lambda *leaves: jnp.stack(leaves), *ends)


def assert_close(first: Any, second: Any, tolerance: float = 1e-5) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), first, second)


def weighed(run: Any) -> Any:
    return lambda given: (run(*given)[0] ** 2).sum()


@cache
def twin(name: str, marks: str) -> Any:
    """Return a layer's parameters and state, and the values and gradients of the plain loop."""
    layer = Recurrent(name, HIDDEN)
    state = jax.tree.map(lambda leaf: leaf + 0.3, layer.initial_state(BATCH))
    given = layer.init(KEY, INPUT), INPUTS, state
    run = partial(slowly, layer.cell, **MARKS[marks])
    return given, run(*given), quick_jit(jax.grad(weighed(run)))(given)


def is_quick(case: tuple[str, str, str]) -> bool:
    unroll, cell, marks = case
    if marks == "both":
        return (cell, unroll) in (("gru", "fused"), ("lstm", "xla"))
    return (cell, unroll, marks) == ("lstm", "fused", "none")


@pytest.mark.parametrize(
    ("unroll", "cell", "marks"), mostly_slow(product(UNROLLINGS, ("lstm", "gru", "nas"), MARKS), is_quick)
)
def test_a_layer_equals_the_cell_step_by_step(unroll: str, cell: str, marks: str) -> None:
    layer = Recurrent(cell, HIDDEN, unroll=unroll)
    given, expected, gradient = twin(cell, marks)
    run = partial(layer.apply, **MARKS[marks])
    assert_close(jax.jit(run)(*given), expected)
    assert_close(jax.jit(jax.grad(weighed(run)))(given), gradient, 1e-4)


def small_stack(**settings: Any) -> Stack:
    return Stack([Recurrent("lstm", HIDDEN), Recurrent("gru", 7), Recurrent("rnn", 3)], **settings)


def test_a_stack_equals_its_layers_one_after_the_other() -> None:
    stack = small_stack(dropout=0.5)
    params, numbers, values = stack.init(KEY, INPUT), jnp.array([4, 0, 9]), INPUTS
    outputs, state = stack.apply(
        params, INPUTS, key=KEY, batch_rows=numbers, resets=RESETS, lengths=LENGTHS, every_layer=True
    )
    for number, layer in enumerate(stack.layers):
        if number:
            values = apply_dropout(jax.random.fold_in(KEY, number), 0.5, values, numbers, variational=False)
        own = select_parameters(params, number)
        values, end = layer.apply(own, values, resets=RESETS, lengths=LENGTHS)
        assert_close((outputs[number], state[number]), (values, end))
    assert_close(stack.apply(params, INPUTS, key=KEY, batch_rows=numbers)[0].shape, (TIME, BATCH, 3))


def test_a_stack_in_a_stack_equals_one_stack() -> None:
    flat = small_stack()
    inner = Stack(flat.layers[:2], dropout=0.4)
    nested = Stack([inner, flat.layers[2]])
    params = nested.init(KEY, INPUT)
    names = {"_l0": "_l0_l0", "_l1": "_l1_l0", "_l2": "_l1"}
    given = {name: params[name[:-3] + names[name[-3:]]] for name in flat.init(KEY, INPUT)}
    evaluated = nested.without_dropout()
    found, (inside, last) = evaluated.apply(params, INPUTS, every_layer=True)
    expected, state = flat.apply(given, INPUTS, every_layer=True)
    assert_close((found, (*inside, last)), (expected, state))
    dropped = nested.apply(params, INPUTS, key=KEY, every_layer=True)[0]
    own = inner.apply(
        select_parameters(params, 0), INPUTS, key=jax.random.fold_in(KEY, INNER), every_layer=True
    )[0]
    assert_close(dropped[:2], own)
    assert not np.allclose(dropped[1], found[1])


@pytest.mark.parametrize("kind", ["element", "variational"])
def test_batch_major_equals_time_major_transposed(kind: str) -> None:
    stack = small_stack(dropout=0.3, dropout_kind=kind)
    params = stack.init(KEY, INPUT)
    turned = replace(stack, batch_major=True)
    expected, state = stack.apply(params, INPUTS, key=KEY, resets=RESETS, lengths=LENGTHS)
    found = turned.apply(params, INPUTS.swapaxes(0, 1), key=KEY, resets=RESETS.T, lengths=LENGTHS)
    assert_close(found, (expected.swapaxes(0, 1), state))


def test_two_parts_equal_the_whole() -> None:
    stack = small_stack()
    params = stack.init(KEY, INPUT)
    first, state = stack.apply(params, INPUTS[:2])
    second, end = stack.apply(params, INPUTS[2:], state)
    assert_close((jnp.concatenate([first, second]), end), stack.apply(params, INPUTS))


class Looping(CELLS["rnn"]):
    """A cell with a loop, for which there is no rule."""

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        state, output = super().step(params, inputs, state)
        return state, jax.lax.fori_loop(0, 2, lambda _, value: jnp.tanh(value), output)


def test_a_layer_is_built_once_with_its_reason() -> None:
    assert Recurrent("lstm", 8).reason is None
    looping = Recurrent(Looping(8))
    assert looping.unrolling == "xla"
    assert str(looping.reason).startswith("Looping has no kernel: scan has no rule")
    assert Stack([looping] * 2).reasons == (looping.reason,)
    assert Recurrent(CELLS["lstm"], 8) == Recurrent("lstm", 8) == Recurrent(make_cell(CELLS, "lstm", 8))
    assert len({Recurrent("lstm", 8), Recurrent("lstm", 8), Recurrent("lstm", 9)}) == 2
    scanned = replace(Recurrent("lstm", 8), unroll="scan")
    assert (scanned.unrolling, scanned.hidden_size) == ("scan", 8)


def test_layers_can_be_static_in_jit() -> None:
    stack, traces = small_stack(), []

    def run(stack: Stack, params: Any, inputs: Any) -> Any:
        traces.append(1)
        return stack.apply(params, inputs)[0]

    run = jax.jit(run, static_argnums=0)
    params = stack.init(KEY, INPUT)
    assert_close(run(stack, params, INPUTS), run(small_stack(), params, INPUTS))
    assert len(traces) == 1


def test_no_text_is_imported() -> None:
    code = "import sys, charloop.recurrent; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("charloop.")}
    assert "charloop.recurrent.stack" in loaded
    rooms = {name.split(".")[1] for name in loaded}
    assert not rooms & {"data", "cli", "training", "model", "sampling", "checkpoint", "evaluation", "trained"}
