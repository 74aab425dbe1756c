"""The loss at all positions and its gradient, two sweeps over each row of logits; XLA materialises a dozen arrays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import jax
from jaxtyping import Array, Float

from charloop.kernels.compiler import emit_kernel
from charloop.kernels.emitting.functions import emit_exp, emit_log
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import FLOAT, INDEX, INTEGER, Emitted, Vectors, counting, each_vector
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, find_kernel
from charloop.types import Characters, Logits


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def compute_cross_entropy(
    machine: Machine, logits: Logits, targets: Characters
) -> Float[Array, "time batch"]:
    """Return `log sum exp(logits) - logits[target]`; a target beyond the vocabulary reads its last character."""
    return _forward(machine, logits, targets)[0]


def _forward(
    machine: Machine, logits: Logits, targets: Characters
) -> tuple[Float[Array, "time batch"], tuple[Array, Array, Array]]:
    found = find_loss_kernel(machine, logits.shape[-1])({"logits": logits, "targets": targets})
    return found["nats"], (logits, targets, found["normalizers"])


def _backward(
    machine: Machine, saved: tuple[Array, Array, Array], to_nats: Float[Array, "time batch"]
) -> tuple[Array, None]:
    logits, targets, normalizers = saved
    given = {"logits": logits, "targets": targets, "normalizers": normalizers, "to_nats": to_nats}
    return find_gradient_kernel(machine, logits.shape[-1])(given)["logits"], None


compute_cross_entropy.defvjp(_forward, _backward)

POSITIONS = ("time", "batch")


def find_loss_kernel(machine: Machine, vocab: int) -> Kernel:
    """Return the kernel that computes nats and `log sum exp` at each position."""
    signature = Signature(
        (
            Argument("logits", (*POSITIONS, vocab)),
            Argument("targets", POSITIONS, dtype="int32"),
            Argument("nats", POSITIONS, "out"),
            Argument("normalizers", POSITIONS, "out"),
        )
    )

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        b = v.builder
        with each_row(v, vocab, named) as (position, row, target):

            def greatest(so_far: Emitted, unit: Emitted, elements: int) -> Emitted:
                return v.call("maxnum", so_far, mask_beyond(v, v.load(v.at(row, unit), elements), elements))

            largest = v.across(
                fold_row(v, vocab, float("-inf"), greatest), lambda x, y: v.call("maxnum", x, y)
            )

            def total(so_far: Emitted, unit: Emitted, elements: int) -> Emitted:
                shifted = b.fsub(mask_beyond(v, v.load(v.at(row, unit), elements), elements), largest)
                return b.fadd(so_far, emit_exp(v, shifted))

            summed = v.across(fold_row(v, vocab, 0.0, total), b.fadd)
            normalizer = b.extract_element(b.fadd(emit_log(v, summed), largest), INTEGER(0))
            b.store(normalizer, v.at(named["normalizers"], position), align=4)
            given = b.load(v.at(row, target), typ=FLOAT, align=4)
            b.store(b.fsub(normalizer, given), v.at(named["nats"], position), align=4)

    return find_kernel(("loss", machine, vocab), lambda: emit_kernel(signature, machine.width, emit))


def find_gradient_kernel(machine: Machine, vocab: int) -> Kernel:
    """Return the kernel that replaces logits by their gradient, in place."""
    signature = Signature(
        (
            Argument("logits", (*POSITIONS, vocab), "inout"),
            Argument("targets", POSITIONS, dtype="int32"),
            Argument("normalizers", POSITIONS),
            Argument("to_nats", POSITIONS),
        )
    )

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        b = v.builder
        with each_row(v, vocab, named) as (position, row, target):
            normalizer = v.broadcast(v.at(named["normalizers"], position))
            weight = v.broadcast(v.at(named["to_nats"], position))

            def share(unit: Emitted, elements: int) -> None:
                probability = emit_exp(v, b.fsub(v.load(v.at(row, unit), elements), normalizer))
                v.store(b.fmul(weight, probability), v.at(row, unit), elements)

            each_vector(v, vocab, share)
            here = v.at(row, target)
            less = b.fsub(b.load(here, typ=FLOAT, align=4), b.extract_element(weight, INTEGER(0)))
            b.store(less, here, align=4)

    return find_kernel(("loss gradient", machine, vocab), lambda: emit_kernel(signature, machine.width, emit))


@contextmanager
def each_row(v: Vectors, vocab: int, named: dict[str, Emitted]) -> Iterator[tuple[Emitted, Emitted, Emitted]]:
    """Emit a loop over positions; yield the position, the address of its logits, and its target."""
    b = v.builder
    with counting(b, b.mul(named["time"], named["batch"])) as position:
        row = v.at(named["logits"], b.mul(position, INDEX(vocab)))
        yield position, row, v.character(named["targets"], position, vocab)


def fold_row(
    v: Vectors, size: int, start: float, step: Callable[[Emitted, Emitted, int], Emitted]
) -> Emitted:
    """Emit `step(so_far, unit, elements)` for each vector of a row, beginning with `start`; return the result."""
    with v.builder.goto_entry_block():
        total = v.builder.alloca(v.floats)
    v.builder.store(v.splat(start), total)

    def body(unit: Emitted, elements: int) -> None:
        v.builder.store(step(v.builder.load(total, typ=v.floats), unit, elements), total)

    each_vector(v, size, body)
    return v.builder.load(total, typ=v.floats)


def mask_beyond(v: Vectors, values: Emitted, elements: int) -> Emitted:
    """Replace vector elements beyond the row by minus infinity: they are never the maximum and add 0."""
    return values if elements == v.width else v.choose(v.mask(elements), values, v.splat(float("-inf")))
