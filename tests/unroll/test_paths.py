"""The unrollings are different programs, so the conformance tests compare what is really different."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.jaxprs import count, equations, loops, shapes
from cells.runs import (
    BATCH,
    INPUT,
    ONE_LAYER,
    TIME,
    VOCAB,
    arguments,
    assert_close,
    cotangents,
    forward,
    pull,
)
from cells.table import CASES, HIDDEN, Case, Run
from charloop.engines import partition_cell
from charloop.kernels import reason_against_kernel

LSTM = Case("lstm")
every_cell = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
both_inputs = pytest.mark.parametrize("setting", ["1 features", "1 lookup"])


def traced(case, unrolling, setting=ONE_LAYER):
    given = jax.tree.map(jnp.array, arguments(case, setting))
    return jax.make_jaxpr(partial(forward, Run(case, unrolling), setting))(*given).jaxpr


def traced_gradient(case, unrolling, setting=ONE_LAYER):
    given = *arguments(case, setting), cotangents(case, setting)
    return jax.make_jaxpr(partial(pull, Run(case, unrolling), setting))(*jax.tree.map(jnp.array, given)).jaxpr


@pytest.mark.parametrize(
    ("unrolling", "scans", "whiles", "own_gradient"),
    [("static", 0, 0, 0), ("scan", 1, 0, 0), ("dynamic", 0, 1, 1), ("xla", 1, 0, 1), ("fused", 0, 0, 2)],
)
def test_each_unrolling_is_a_program_of_its_own(unrolling, scans, whiles, own_gradient):
    program = traced(LSTM, unrolling)
    assert count("scan", program) == scans
    assert count("while", program) == whiles
    assert count("custom_vjp_call", program) == own_gradient


def test_only_the_static_graph_grows_with_time():
    def size(unrolling, time):
        given = jax.tree.map(jnp.array, arguments(LSTM, ONE_LAYER, time=time))
        program = jax.make_jaxpr(partial(forward, Run(LSTM, unrolling), ONE_LAYER))(*given)
        return len(list(equations(program.jaxpr)))

    assert size("static", 6) > size("static", 3) + 3
    for unrolling in ("dynamic", "scan", "xla", "fused"):
        assert size(unrolling, 6) == size(unrolling, 3)


@both_inputs
@every_cell
def test_each_of_xlas_fused_loops_has_only_the_products_of_the_state(case, setting):
    """The state's products forward, their transposes backward; those of the weights' gradients are outside."""
    forward_loop, backward_loop = loops(traced_gradient(case, "xla", setting))
    parts = partition_cell(case.build())
    assert count("dot_general", forward_loop) == len(parts.products)
    assert count("dot_general", backward_loop) == len(parts.products)
    weights = {(parts.shapes[p.result].size, INPUT) for p in parts.sources}
    weights |= {(parts.shapes[p.result].size, HIDDEN) for p in parts.products}
    assert not weights & shapes(backward_loop)
    assert weights <= shapes(traced_gradient(case, "xla", setting))


@both_inputs
@every_cell
def test_fused_is_kernels_and_nothing_of_the_loop_is_xlas(case, setting):
    """Both loops, the sums over all positions, the input's product and gradients; for characters, the table's too."""
    assert reason_against_kernel(case.build()) is None
    program, parts = traced_gradient(case, "fused", setting), partition_cell(case.build())
    of_each_source = 3 if setting == "1 features" else 4
    assert count("ffi_call", program) == 2 + len(parts.products) + of_each_source * len(parts.sources)
    assert loops(program) == []
    # What comes of the parameters alone is XLA's.
    before = {"logistic"} if case.label == "SkipLSTM" else set()
    assert {"tanh", "logistic", "rsqrt"} & {e.primitive.name for e in equations(program)} == before
    assert count("dot_general", program) == 0


def test_a_single_time_step_is_run_by_xla():
    """A kernel's weights would have to be laid out again for each."""
    given = jax.tree.map(jnp.array, arguments(LSTM, ONE_LAYER, time=1))
    program = jax.make_jaxpr(partial(forward, Run(LSTM, "fused"), ONE_LAYER))(*given)
    assert count("ffi_call", program.jaxpr) == 0


@every_cell
def test_plain_autodiff_has_the_weights_gradients_in_its_loop(case):
    """What `fused` avoids: JAX's own backward loop has all four products and adds up both weights' gradients."""
    *_, backward_loop = loops(traced_gradient(case, "scan"))
    assert count("dot_general", backward_loop) >= 3


@every_cell
def test_xlas_loop_has_the_input_product_before_it(case):
    program = traced(case, "xla")
    parts = partition_cell(case.build())
    products, sources = len(parts.products), len(parts.sources)
    assert {(TIME, BATCH, parts.shapes[p.result].size) for p in parts.sources} <= shapes(program)
    assert count("dot_general", program) == products + sources
    assert count("dot_general", loops(program)[0]) == products
    assert count("dot_general", loops(traced(case, "scan"))[0]) == products + sources


def rows_looked_up(case, unrolling):
    """Return the shapes of what is gathered from a table of features, or of their products."""
    found = equations(traced(case, unrolling, "1 lookup"))
    return {e.outvars[0].aval.shape for e in found if e.primitive.name == "gather"}


@every_cell
def test_xlas_loop_looks_rows_up_inside(case):
    """The characters' features are never gathered, their products one time step at a time."""
    assert rows_looked_up(case, "scan") == {(TIME, BATCH, INPUT)}
    parts = partition_cell(case.build())
    columns = {parts.shapes[source.result].size for source in parts.sources}
    assert rows_looked_up(case, "xla") == {(BATCH, size) for size in columns}
    assert {(VOCAB, size) for size in columns} <= shapes(traced(case, "xla", "1 lookup"))


@pytest.mark.parametrize(("rows", "time"), [(520, 5), (520, 300), (300, 5)])
def test_a_large_table_gives_the_same(rows, time):
    """A table larger than the chunk is looked up before the product; else its gradient is a sum or a product."""
    run, random = Run(Case("rnn"), "fused"), np.random.default_rng(1)
    given, weights = arguments(run.case, ONE_LAYER)[0], cotangents(run.case, ONE_LAYER, time=time)
    given["source"] = random.normal(size=(rows, INPUT)).astype(np.float32)
    characters = random.integers(0, rows, (time, BATCH)).astype(np.int32)

    def result(unrolling):
        return quick_jit(partial(pull, Run(run.case, unrolling), "1 lookup"))(given, characters, weights)

    for unrolling in ("xla", "fused"):
        assert_close(result(unrolling), result("scan"), tolerance=1e-4)
