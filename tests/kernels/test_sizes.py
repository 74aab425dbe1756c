"""Kernels of every size and width against JAX's own scan: values and every gradient."""

from functools import cache, partial
from itertools import product
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cells.compiling import quick_jit
from cells.runs import assert_close, assert_same, values_and_gradients
from cells.table import EXAMPLES
from charloop.cells import CELLS, make_cell
from charloop.devices import make_mesh
from charloop.kernels.engine import Kernels
from charloop.kernels.machine import Machine, Tile
from charloop.unroll import Lookup, scan
from charloop.unroll.fused import fused
from choosing import mostly_slow, slow
from kernels.direct import HERE, MACHINES

SKIP = f"{EXAMPLES / 'my_cells.py'}:SkipLSTM"


def problem(name: str, hidden: int, batch: int, time: int, lookup: bool) -> tuple[Any, ...]:
    """A cell, its arguments, and a weight for each number that comes out."""
    cell, random = make_cell(CELLS, name, hidden), np.random.default_rng(hidden + batch + time)

    def noise(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    shapes = jax.eval_shape(lambda: cell.init(jax.random.key(0), 3))
    params = {name: 0.5 * noise(*leaf.shape) for name, leaf in shapes.items()}
    state = jax.tree.map(lambda leaf: noise(*leaf.shape), cell.initial_state(batch))
    source = noise(9, 3) if lookup else noise(time, batch, 3)
    characters = random.integers(0, 9, (time, batch)).astype(np.int32)
    weights = jax.tree.map(lambda leaf: noise(*leaf.shape), (state, np.zeros((time, batch, hidden))))
    return cell, (params, source, state), characters, weights


def pull_unrolling(unrolling: Any, cell: Any, lookup: bool, given: Any, characters: Any, weights: Any) -> Any:
    """The last state and the outputs; and their gradients in parameters, source and first state."""

    def forward(params: Any, source: Any, state: Any) -> Any:
        return unrolling(cell, params, Lookup(source, characters) if lookup else source, state)

    return values_and_gradients(forward, given, weights)


def compare(
    name: str, hidden: int, batch: int, time: int, *, lookup: bool = False, machine: Machine = HERE
) -> None:
    found = pull_problem(partial(fused, engine=Kernels(machine)), name, hidden, batch, time, lookup)
    assert_close(found, scan_problem(name, hidden, batch, time, lookup), tolerance=3e-5)


def pull_problem(way: Any, name: str, hidden: int, batch: int, time: int, lookup: bool) -> Any:
    cell, *arguments = problem(name, hidden, batch, time, lookup)
    return quick_jit(partial(pull_unrolling, way, cell, lookup))(*arguments)


scan_problem = cache(partial(pull_problem, scan))


QUICK = {("gru", 17, 8), ("ln-lstm", 17, 16), (SKIP, 1, 4)}


@pytest.mark.parametrize(
    ("name", "hidden", "width"),
    mostly_slow(product(("gru", "ln-lstm", SKIP), (1, 7, 17, 100, 129), MACHINES), QUICK.__contains__),
)
def test_widths_and_sizes_that_are_not_multiples(name: str, hidden: int, width: int) -> None:
    compare(name, hidden, batch=7, time=3, lookup=width == 8, machine=MACHINES[width])


@pytest.mark.parametrize(
    ("batch", "time"),
    mostly_slow(product((1, 2, 6, 13), (1, 2, 9)), {(1, 1), (2, 9), (13, 2)}.__contains__),
)
def test_any_number_of_batch_rows_and_time_steps(batch: int, time: int) -> None:
    compare("lstm", 20, batch, time, lookup=batch == 2)


@pytest.mark.slow
def test_many_vectors_and_a_part_of_one() -> None:
    compare("gru", 129, batch=7, time=3)


def test_a_character_beyond_the_table_reads_its_last_row() -> None:
    """As XLA does; never memory that is not the table's."""
    cell, given, characters, weights = problem("lstm", 5, 2, 3, lookup=True)
    wild = np.where(characters > 4, 2**31 - 1, characters).astype(np.int32)
    tame = np.where(characters > 4, 8, characters).astype(np.int32)
    forward = quick_jit(partial(pull_unrolling, partial(fused, engine=Kernels()), cell, True))
    assert_same(forward(given, wild, weights)[0], forward(given, tame, weights)[0])


@pytest.mark.parametrize(
    ("name", "poison"), [("lstm", np.inf), slow(("lstm", -np.inf)), slow(("ln-lstm", np.nan))]
)
def test_nan_is_passed_on_as_by_xla(name: str, poison: float) -> None:
    cell, (params, source, state), characters, weights = problem(name, 18, 3, 4, lookup=False)
    source[1, 1, 0] = poison
    found, expected = (
        quick_jit(partial(pull_unrolling, way, cell, False))((params, source, state), characters, weights)
        for way in (partial(fused, engine=Kernels()), scan)
    )
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(np.isfinite(left), np.isfinite(right))
    # The other batch rows are unchanged.
    assert np.isfinite(found[0][1][:, [0, 2]]).all()


def test_two_threads_again_and_again_give_the_same_bits() -> None:
    cell, (params, source, state), _, _ = problem("ln-lstm", 33, 12, 30, lookup=False)
    spec = jax.sharding.PartitionSpec
    shared = jax.jit(
        jax.shard_map(
            partial(fused, cell, engine=Kernels()),
            mesh=make_mesh(2),
            in_specs=(spec(), spec(None, "batch"), spec("batch")),
            out_specs=(spec("batch"), spec(None, "batch")),
            check_vma=False,
        )
    )
    alone = jax.device_get(jax.jit(partial(fused, cell, engine=Kernels()))(params, source, state))
    for _ in range(20):
        assert_same(jax.device_get(shared(params, source, state)), alone)


def test_packed_weights_hold_every_number_once() -> None:
    """And zeros in columns that are not there."""
    from charloop.kernels.emitting.product import Panels

    matrix = jnp.arange(1.0, 1 + 3 * 37).reshape(3, 37)
    packed = np.asarray(Panels(3, 37, Machine(4, Tile(6, 2))).pack(matrix))
    assert sorted(packed[packed > 0]) == sorted(np.asarray(matrix).ravel())
    assert packed.size == 3 * 40


@pytest.mark.parametrize("lookup", [slow(False), True])
def test_several_networks_at_once_by_vmap(lookup: bool) -> None:
    """One after the other inside; each gives what it gives alone."""
    cell, (params, *others), characters, weights = problem("gru", 9, 3, 4, lookup=lookup)
    two = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), params)
    characters, weights = jax.tree.map(jnp.array, (characters, weights))

    def forward(some: Any, *others: Any) -> Any:
        return pull_unrolling(
            partial(fused, engine=Kernels()), cell, lookup, (some, *others), characters, weights
        )

    together = quick_jit(jax.vmap(forward, (0, None, None)))(two, *others)
    alone = [quick_jit(forward)(jax.tree.map(itemgetter(i), two), *others) for i in range(2)]
    assert_close(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone), tolerance=1e-6)
