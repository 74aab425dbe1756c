"""Just outside of what training does: other types, other sizes, many lengths, several threads, failures, leaks."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_same, values_and_gradients
from charloop.cells import CELLS, make_cell
from charloop.config import ModelConfig
from charloop.devices import make_mesh
from charloop.engines import XLA
from charloop.kernels import reason_against_kernel, registry
from charloop.kernels.engine import Kernels
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.unroll import fused, scan
from choosing import slow
from model.small import loss_and_gradients

VOCAB = 11


def network(hidden: int = 12, cell: str = "lstm") -> tuple[CharLM, Any]:
    model = CharLM.build(ModelConfig(cell=cell, hidden_size=hidden, embed_size=5, num_layers=2), VOCAB)
    assert model.engine == Kernels()
    return model, model.init(jax.random.key(0))


def text(time: int, batch: int) -> np.ndarray:
    return np.random.default_rng(time * batch).integers(0, VOCAB, (time, batch)).astype(np.int32)


def logits(model: CharLM, params: Any, characters: Any) -> jax.Array:
    return model.apply(params, jnp.array(characters), model.initial_state(characters.shape[1]))[0]


QUICK_LOGITS = quick_jit(logits, static_argnums=0)


@pytest.mark.parametrize("kind", ["uint8", slow("int16"), "uint16", slow("int8"), slow("uint32")])
def test_characters_of_any_whole_numbers_are_read_alike(kind: str) -> None:
    """Corpora store their tokens as uint8."""
    (model, params), characters = network(), text(9, 4)
    assert_same(QUICK_LOGITS(model, params, characters.astype(kind)), QUICK_LOGITS(model, params, characters))
    with pytest.raises(Exception, match="characters"):
        logits(model, params, characters.astype(np.float32))


@pytest.mark.parametrize("kind", ["bfloat16", slow("float16")])
def test_parameters_of_other_floats_run_in_xlas_loop(kind: str) -> None:
    model, params = network()
    given = {name: value.astype(kind) for name, value in params.items()}
    state = jax.tree.map(lambda leaf: leaf.astype(kind), model.initial_state(4))
    found = model.apply(given, jnp.array(text(9, 4)), state)[0]
    assert found.dtype == kind
    np.testing.assert_allclose(np.float32(found), logits(model, params, text(9, 4)), atol=0.05)
    assert cross_entropy(found, jnp.array(text(9, 4)), engine=model.engine).dtype == kind


@pytest.mark.parametrize(("time", "batch"), [(0, 3), (3, 0), (1, 1), slow((1, 3)), slow((2, 1))])
def test_sizes_of_zero_and_one_have_finite_gradients(time: int, batch: int) -> None:
    model, params = network()

    def loss(params: Any) -> jax.Array:
        found = logits(model, params, text(time, batch))
        return cross_entropy(found, jnp.array(text(time, batch)), engine=model.engine).sum()

    value, gradient = quick_jit(jax.value_and_grad(loss))(params)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert QUICK_LOGITS(model, params, text(time, batch)).shape == (time, batch, VOCAB)


@pytest.mark.parametrize("count", [10, slow(200)])
def test_any_number_of_lengths_and_batches_adds_no_machine_code(count: int) -> None:
    cell = make_cell(CELLS, "gru", 9)
    params = cell.init(jax.random.key(0), 3)

    def loss(params: Any, inputs: jax.Array) -> jax.Array:
        return fused(cell, params, inputs, cell.initial_state(inputs.shape[1]))[1].sum()

    def pull(time: int, batch: int) -> None:
        jax.eval_shape(jax.grad(loss), params, jnp.ones((time, batch, 3)))

    pull(2, 1)
    before = registry.count_kernels()
    for number in range(count):
        pull(2 + number, 1 + number % 37)
    assert registry.count_kernels() == before


@pytest.mark.parametrize("apart", [slow(True), False], ids=["networks of their own", "one network"])
def test_several_threads_give_the_bits_of_one(apart: bool) -> None:
    """Each compiles for itself, all at once, and XLA calls what another thread has registered."""
    networks = [network(20 + number * apart, "rnn") for number in range(4)]
    barrier = threading.Barrier(4)

    def work(number: int, *, wait: bool) -> Any:
        model, params = networks[number]

        step = jax.jit(partial(loss_and_gradients, model))
        if wait:
            barrier.wait(120)
        return [jax.device_get(step(params, jnp.array(text(6, 8)))) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: work(number, wait=True), range(4)))
    for number in (0, 3):
        assert_same(found[number], work(number, wait=False))


def test_a_kernel_that_cannot_be_compiled_leaves_xlas_loop_and_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cell = make_cell(CELLS, "rnn", 23)
    given = cell.init(jax.random.key(0), 3), jnp.ones((4, 2, 3)), cell.initial_state(2)
    real = registry.register_kernel

    def fail(*_: Any) -> None:
        raise MemoryError

    def run_both_ways() -> Any:
        return values_and_gradients(
            lambda *given: fused(cell, *given, engine=Kernels())[1], given, jnp.ones((4, 2, 23))
        )

    monkeypatch.setattr(registry, "register_kernel", fail)
    with pytest.warns(RuntimeWarning, match=r"MemoryError.*XLA's loop"):
        outputs, slow = run_both_ways()
    np.testing.assert_allclose(outputs, scan(cell, *given)[1], rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(registry, "register_kernel", real)
    before = registry.count_kernels()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, fast = run_both_ways()
    assert registry.count_kernels() > before
    for left, right in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnn", slow("ln-lstm")])
def test_the_plan_of_a_kernel_keeps_no_tracer(name: str) -> None:
    """The plan is kept for the life of the process: a tracer in it would be kept too."""
    cell = make_cell(CELLS, name, 31)
    params = cell.init(jax.random.key(0), 3)

    @jax.jit
    def loss(params: Any) -> jax.Array:
        return fused(cell, params, jnp.ones((3, 2, 3)), cell.initial_state(2), engine=Kernels())[1].sum()

    with jax.checking_leaks():
        jax.grad(loss)(params)


def test_a_cell_first_met_inside_shard_map_has_a_kernel_too() -> None:
    """There JAX traces other operations, and a run that is verified first meets its cell there."""
    found: list[str | None] = []
    for number, name in enumerate(CELLS):
        cell = make_cell(CELLS, name, 41 + number)

        def look(x: jax.Array, cell: Any = cell) -> jax.Array:
            found.append(reason_against_kernel(cell))
            return x

        spec = jax.sharding.PartitionSpec("batch")
        shared = jax.shard_map(look, mesh=make_mesh(1), in_specs=spec, out_specs=spec, check_vma=False)
        jax.jit(shared)(jnp.ones(2))
    assert found == [None] * len(CELLS)


def test_a_single_time_step_runs_in_xlas_loop() -> None:
    """A kernel's weights would have to be laid out for each."""
    cell = make_cell(CELLS, "lstm", 6)
    given = cell.init(jax.random.key(0), 3), jnp.ones((1, 2, 3)), cell.initial_state(2)
    assert_same(fused(cell, *given, engine=Kernels()), fused(cell, *given, engine=XLA))
