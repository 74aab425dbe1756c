"""Eight threads that train, score and sample at once, on one network or their own, give the bits of one thread."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from cells.runs import assert_same
from charloop.trained import TrainedModel, load
from model.small import loss_and_gradients
from training.runs import TEXT, configure, run

THREADS = 8
STEP = jax.jit(loss_and_gradients, static_argnums=0)


@pytest.fixture(scope="module")
def make_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], TrainedModel]:
    """A network by its number: of two cells, each with a different size, the first one `TINY`; built once."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "text.txt").write_text(TEXT)

    @cache
    def make(number: int) -> TrainedModel:
        cell, hidden = ("lstm", "gru")[number % 2], 7 + number
        config = configure(folder / "text.txt", steps=2, cell=cell, hidden_size=hidden)
        return load(run(folder / str(number), config).folder)

    return make


def rounds(network: TrainedModel, first: int, count: int) -> list[Any]:
    """A gradient, a score and a text, several times, each from different characters."""
    model, found = network.model, []
    for number in range(first, first + count):
        piece = TEXT[number % 40 : number % 40 + 60]
        characters = jnp.array(network.vocabulary.encode(piece)).reshape(-1, 4)
        made = jax.device_get(STEP(model, network.params, characters))
        scored = network.evaluate(TEXT[number % 7 : 100 + number % 7])
        found.append((made, scored.loss, network.sample(prompt=TEXT[:3], length=12, seed=number)))
    return found


def check(networks: list[TrainedModel], count: int) -> None:
    """Threads started at the same time, compared with one after the other."""
    barrier = threading.Barrier(THREADS)

    def work(number: int) -> list[Any]:
        barrier.wait(300)
        return rounds(networks[number], number, count)

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(work, range(THREADS)))
    for number in range(THREADS):
        for left, right in zip(together[number], rounds(networks[number], number, count), strict=True):
            assert_same(left[0], right[0])
            assert left[1:] == right[1:]


@pytest.mark.slow
def test_a_few_rounds_on_two_networks(make_network: Callable[[int], TrainedModel]) -> None:
    check([make_network(number % 2) for number in range(THREADS)], 2)


@pytest.mark.slow
@pytest.mark.parametrize("networks", [1, THREADS], ids=["one network for all", "networks of their own"])
def test_two_hundred_rounds(make_network: Callable[[int], TrainedModel], networks: int) -> None:
    check([make_network(number % networks) for number in range(THREADS)], 200)
