"""Kernels compiled in another thread: there when they are needed, and no error is lost."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from charloop.kernels.background import compiled_in_background, do
from llvmlite import ir

from charloop.kernels.compiler import callable_by_xla, new_function, new_module
from charloop.kernels.ffi import xla_call


def test_outside_it_work_is_done_at_once() -> None:
    threads: list[threading.Thread] = []
    do(lambda: threads.append(threading.current_thread()))
    assert threads == [threading.current_thread()]


def test_inside_it_work_goes_on_beside_us_and_is_done_at_the_end() -> None:
    gate, threads = threading.Event(), list[threading.Thread]()

    def work() -> None:
        assert gate.wait(60)
        threads.append(threading.current_thread())

    with compiled_in_background():
        do(work)
        do(work)
        assert not threads
        gate.set()
    assert len(threads) == 2
    assert threading.current_thread() not in threads
    do(lambda: threads.clear())
    assert not threads


def test_what_goes_wrong_there_is_raised_here() -> None:
    def fail() -> None:
        raise ValueError("there")

    with pytest.raises(ValueError, match="there"), compiled_in_background():
        do(fail)


def test_what_goes_wrong_here_is_raised_as_it_is() -> None:
    done: list[int] = []

    def trace() -> None:
        with compiled_in_background():
            do(lambda: done.append(1))
            raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        trace()
    assert done == [1]


def test_a_kernel_asked_for_inside_can_be_called_afterwards() -> None:
    with compiled_in_background():
        module = new_module()
        function = new_function(module, 2)
        builder = ir.IRBuilder(function.append_basic_block())
        number = builder.load(function.args[0], typ=ir.FloatType())
        builder.store(builder.fadd(number, number), function.args[1])
        builder.ret_void()
        name = callable_by_xla(module, function, inputs=1)
    twice = xla_call(name, jax.ShapeDtypeStruct((1,), jnp.float32))(jnp.array([21.0]))
    np.testing.assert_array_equal(twice, [42.0])
