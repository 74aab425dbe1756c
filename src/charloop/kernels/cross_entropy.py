"""The loss of all places and its gradient: two sweeps over each row of logits, where XLA makes a dozen arrays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from llvmlite import ir

from charloop.kernels.compiler import callable_by_xla, new_function, new_module, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.functions import exp, log
from charloop.kernels.vectors import FLOAT, INDEX, INTEGER, Emitted, Vectors, counting, each_vector
from charloop.types import Characters, Logits


@jax.custom_vjp
def cross_entropy(logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
    """`log sum exp(logits) - logits[target]`, as `charloop.loss`; targets are within the vocabulary, or its last."""
    return _forward(logits, targets)[0]


def _forward(
    logits: Logits, targets: Characters
) -> tuple[Float[Array, "time batch"], tuple[Array, Array, Array]]:
    places = jax.ShapeDtypeStruct(targets.shape, jnp.float32)
    kernel = xla_call(build_loss(targets.size, logits.shape[-1]), [places, places])
    nats, normalizers = kernel(logits, targets)
    return nats, (logits, targets, normalizers)


def _backward(saved: tuple[Array, Array, Array], to_nats: Float[Array, "time batch"]) -> tuple[Array, None]:
    logits, targets, normalizers = saved
    name = build_gradient(targets.size, logits.shape[-1])
    result = jax.ShapeDtypeStruct(logits.shape, jnp.float32)
    kernel = xla_call(name, result, input_output_aliases={0: 0})
    return kernel(logits, targets, normalizers, to_nats), None


cross_entropy.defvjp(_forward, _backward)


@cache
def build_loss(places: int, vocab: int) -> str:
    """The name of the kernel that gives nats and `log sum exp` of each place."""
    module = new_module()
    function = new_function(module, 4)
    logits, targets, nats, normalizers = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    b = v.builder
    with each_row(v, places, vocab, logits, targets) as (place, row, target):

        def greatest(so_far: Emitted, unit: Emitted, lanes: int) -> Emitted:
            return v.call("maxnum", so_far, beyond(v, v.load(v.at(row, unit), lanes), lanes))

        largest = v.across(fold(v, vocab, float("-inf"), greatest), lambda x, y: v.call("maxnum", x, y))

        def total(so_far: Emitted, unit: Emitted, lanes: int) -> Emitted:
            return b.fadd(so_far, exp(v, b.fsub(beyond(v, v.load(v.at(row, unit), lanes), lanes), largest)))

        summed = v.across(fold(v, vocab, 0.0, total), b.fadd)
        normalizer = b.extract_element(b.fadd(log(v, summed), largest), INTEGER(0))
        b.store(normalizer, v.at(normalizers, place), align=4)
        given = b.load(v.at(row, target), typ=FLOAT, align=4)
        b.store(b.fsub(normalizer, given), v.at(nats, place), align=4)
    b.ret_void()
    return callable_by_xla(module, function, inputs=2)


@cache
def build_gradient(places: int, vocab: int) -> str:
    """The name of the kernel that turns logits into their gradient, where they are."""
    module = new_module()
    function = new_function(module, 5)
    logits, targets, normalizers, to_nats, to_logits = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    b = v.builder
    with each_row(v, places, vocab, logits, targets) as (place, row, target):
        goal = v.at(to_logits, b.mul(place, INDEX(vocab)))
        normalizer, weight = v.broadcast(v.at(normalizers, place)), v.broadcast(v.at(to_nats, place))

        def share(unit: Emitted, lanes: int) -> None:
            probability = exp(v, b.fsub(v.load(v.at(row, unit), lanes), normalizer))
            v.store(b.fmul(weight, probability), v.at(goal, unit), lanes)

        each_vector(v, vocab, share)
        here = v.at(goal, target)
        less = b.fsub(b.load(here, typ=FLOAT, align=4), b.extract_element(weight, INTEGER(0)))
        b.store(less, here, align=4)
    b.ret_void()
    return callable_by_xla(module, function, inputs=4)


@contextmanager
def each_row(
    v: Vectors, places: int, vocab: int, logits: Emitted, targets: Emitted
) -> Iterator[tuple[Emitted, Emitted, Emitted]]:
    """A loop over places: the place, its row of logits, its target."""
    with counting(v.builder, places) as place:
        row = v.at(logits, v.builder.mul(place, INDEX(vocab)))
        yield place, row, v.character(targets, place, vocab)


def fold(v: Vectors, size: int, start: float, step: Callable[[Emitted, Emitted, int], Emitted]) -> Emitted:
    """`step(so_far, place, lanes)` from vector to vector of a row, from `start`."""
    with v.builder.goto_entry_block():
        total = v.builder.alloca(v.floats)
    v.builder.store(v.splat(start), total)

    def body(unit: Emitted, lanes: int) -> None:
        v.builder.store(step(v.builder.load(total, typ=v.floats), unit, lanes), total)

    each_vector(v, size, body)
    return v.builder.load(total, typ=v.floats)


def beyond(v: Vectors, values: Emitted, lanes: int) -> Emitted:
    """Lanes that are not there are minus infinity: they are never the greatest, and add nothing."""
    return values if lanes == v.width else v.choose(v.mask(lanes), values, v.splat(float("-inf")))
