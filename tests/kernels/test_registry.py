"""Kernels made once, whoever asks: at once or in the background, by several threads, and again after a failure."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from charloop.kernels import KernelError, registry
from charloop.kernels.compiler import EmittedKernel, emit_kernel
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import FLOAT, Emitted, Vectors
from charloop.kernels.registry import compiled_in_background, find_kernel

SIGNATURE = Signature((Argument("number", ("count",)), Argument("result", ("count",), "out")))


def times(factor: float) -> Callable[[], EmittedKernel]:
    """A kernel that multiplies the first number; each factor is another kernel."""

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        number = v.builder.load(named["number"], typ=FLOAT)
        v.builder.store(v.builder.fmul(number, FLOAT(factor)), named["result"])

    return lambda: emit_kernel(SIGNATURE, 4, emit)


def value(kernel: registry.Kernel) -> float:
    return float(kernel({"number": jnp.array([21.0], jnp.float32)})["result"][0])


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Every compilation fails for lack of memory, until it is called."""
    real = registry.register_kernel

    def register_kernel(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(registry, "register_kernel", register_kernel)
    return lambda: monkeypatch.setattr(registry, "register_kernel", real)


def test_a_kernel_is_made_once() -> None:
    made: list[int] = []

    def make() -> EmittedKernel:
        made.append(1)
        return times(2.5)()

    kernels = [find_kernel(("once", 2.5), make) for _ in range(3)]
    assert made == [1]
    assert value(kernels[0]) == 52.5


def test_a_kernel_asked_for_in_the_background_can_be_called_afterwards() -> None:
    with compiled_in_background():
        kernel = find_kernel(("background", 2), times(2.0))
    assert value(kernel) == 42.0


def test_in_the_background_nobody_waits_for_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    real, gate, threads = registry.register_kernel, threading.Event(), []

    def register_kernel(*arguments: Any) -> None:
        assert gate.wait(60)
        threads.append(threading.current_thread())
        real(*arguments)

    monkeypatch.setattr(registry, "register_kernel", register_kernel)
    with compiled_in_background():
        find_kernel(("waits", 3), times(3.0))
        assert not threads
        gate.set()
    assert threads
    assert threading.current_thread() not in threads


def test_a_thread_waits_for_a_kernel_that_another_compiles_in_the_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it would call a kernel that XLA does not know yet."""
    real, gate, asked = registry.register_kernel, threading.Event(), threading.Event()

    def register_kernel(*arguments: Any) -> None:
        assert gate.wait(60)
        real(*arguments)

    monkeypatch.setattr(registry, "register_kernel", register_kernel)

    def trace() -> None:
        with compiled_in_background():
            find_kernel(("another", 7), times(7.0))
            asked.set()

    with ThreadPoolExecutor(2) as pool:
        background = pool.submit(trace)
        assert asked.wait(60)
        waiting = pool.submit(lambda: value(find_kernel(("another", 7), times(7.0))))
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.2)
        gate.set()
        assert waiting.result(timeout=60) == 147.0
        background.result(timeout=60)


@pytest.mark.parametrize("key", ["at once", "background"])
def test_a_failure_is_reported_and_forgotten(key: str, failing: Callable[[], None]) -> None:
    def ask() -> registry.Kernel:
        if key == "at once":
            return find_kernel((key, 4), times(4.0))
        with compiled_in_background():
            return find_kernel((key, 4), times(4.0))

    for _ in range(2):
        with pytest.raises(KernelError, match="MemoryError"):
            ask()
    failing()
    assert value(ask()) == 84.0


def test_an_error_while_tracing_is_raised_unchanged() -> None:
    def trace() -> None:
        with compiled_in_background():
            find_kernel(("here", 5), times(5.0))
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        trace()
    assert value(find_kernel(("here", 5), times(5.0))) == 105.0


def test_threads_that_ask_at_once_share_one_kernel() -> None:
    barrier = threading.Barrier(8)

    def ask(_: int) -> float:
        barrier.wait(60)
        return value(find_kernel(("threads", 6), times(6.0)))

    before = registry.count_kernels()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {126.0}
    assert registry.count_kernels() == before + 1


def test_threads_that_ask_for_several_kernels_make_each_once() -> None:
    made: list[float] = []
    barrier = threading.Barrier(8)

    def ask(number: int) -> float:
        factor = 30.0 + number % 4

        def make() -> EmittedKernel:
            made.append(factor)
            return times(factor)()

        barrier.wait(60)
        return value(find_kernel(("several", factor), make))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [21 * (30.0 + number % 4) for number in range(8)]
    assert sorted(made) == [30.0, 31.0, 32.0, 33.0]


def test_a_failure_reaches_every_thread_that_waits_for_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    real, gate, asked = registry.register_kernel, threading.Event(), threading.Semaphore(0)

    def fail(*_: Any) -> None:
        assert gate.wait(60)
        raise MemoryError

    def ask(_: int) -> str:
        asked.release()
        with pytest.raises(KernelError, match="MemoryError") as caught:
            find_kernel(("all fail", 9), times(9.0))
        return str(caught.value)

    monkeypatch.setattr(registry, "register_kernel", fail)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, number) for number in range(4)]
        for _ in waiting:
            assert asked.acquire(timeout=60)
        gate.set()
        assert len({future.result(timeout=60) for future in waiting}) == 1
    monkeypatch.setattr(registry, "register_kernel", real)
    assert value(find_kernel(("all fail", 9), times(9.0))) == 189.0


@pytest.mark.parametrize(
    "wrong", [jnp.zeros(3, jnp.bfloat16), jnp.zeros(3, jnp.int32), jnp.zeros((3, 1)), jnp.zeros(())]
)
def test_an_array_of_another_type_or_rank_does_not_reach_the_kernel(wrong: jax.Array) -> None:
    kernel = find_kernel(("types", 8), times(8.0))
    with pytest.raises(TypeError, match="'number'"):
        kernel({"number": wrong})


def test_axes_of_one_name_must_have_one_size() -> None:
    signature = Signature((Argument("left", ("time", 3)), Argument("right", ("time",))))
    assert signature.check({"left": jnp.zeros((2, 3)), "right": jnp.zeros(2)}) == {"time": 2}
    for left, right in (((2, 3), 4), ((2, 4), 2)):
        with pytest.raises(TypeError):
            signature.check({"left": jnp.zeros(left), "right": jnp.zeros(right)})
