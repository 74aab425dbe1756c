"""Not a byte outside of its buffers: each ends, or begins, at a page that nobody may touch."""

import ctypes
import mmap
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from llvmlite import ir

from charloop.cells import CELLS, make_cell
from charloop.kernels.compiler import new_module
from charloop.kernels.halves import row_words
from charloop.kernels.plan import Plan, tick_for
from charloop.kernels.product import Panels, Tile
from charloop.kernels.sequence import backward_names, emit_backward, emit_forward, forward_names
from kernels.direct import NEEDS_HALVES, address

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Guarded:
    """Room for `count` numbers between two pages that end the process if touched."""

    def __init__(self, count: int, at_end: bool) -> None:
        size = 4 * count
        inner = -(-size // PAGE) * PAGE
        self.map = mmap.mmap(-1, inner + 2 * PAGE)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        for page in (self.base, self.base + PAGE + inner):
            assert libc.mprotect(page, PAGE, 0) == 0
        self.address = self.base + PAGE + (inner - size if at_end else 0)

    def fill(self, numbers: np.ndarray) -> "Guarded":
        ctypes.memmove(self.address, numbers.ctypes.data, numbers.nbytes)
        return self


def sizes(plan: Plan, panels: Panels, width: int) -> dict[str, int]:
    """Numbers in each argument of both kernels."""
    tick, places = plan.tick, plan.time * plan.batch
    found = {
        "source": plan.table * tick.columns if plan.table else places * tick.columns,
        "characters": places,
        "packed": panels.pack(jnp.zeros((panels.depth, panels.columns))).size,
        "bias": tick.columns,
        "gates": places * tick.columns,
        "to_input": places * tick.columns,
        "output": places * tick.hidden,
        "to_output": places * tick.hidden,
        "halves": plan.batch * row_words(panels.depth, width),
        "buffer": max(1, len(tick.forward.kept), len(tick.backward.kept)) * -(-tick.hidden // width) * width,
    }
    for part, size in enumerate(tick.widths):
        found |= {f"start {part}": plan.batch * size, f"to_state {part}": plan.batch * size}
        found[f"state {part}"] = places * size
    for number, (_, shape) in enumerate(tick.own):
        found |= {f"{kind} {number}": int(np.prod(shape)) for kind in ("own", "to_own")}
    return found


@pytest.mark.parametrize("halves", [False, pytest.param(True, marks=NEEDS_HALVES)])
@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize(("name", "table"), [("gru", 0), ("gru", 5), ("ln-lstm", 5), ("lstm", 0)])
def test_a_kernel_stays_within_its_buffers(
    name: str, table: int, width: int, at_end: bool, halves: bool
) -> None:
    plan = Plan(tick_for(make_cell(CELLS, name, 19)), 3, 5, table, halves=halves)
    tile = Tile(6, 2)
    for emit, names, ends in (
        (emit_forward, forward_names, (plan.tick.hidden, plan.tick.columns)),
        (emit_backward, backward_names, (plan.tick.columns, plan.tick.hidden)),
    ):
        module: Any = new_module()
        emit(module, plan, width, tile)
        assert isinstance(module, ir.Module)
        counts = sizes(plan, Panels(*ends, width, tile, halves), width)
        arguments = [*names(plan)[0], *names(plan)[1]]
        buffers = [Guarded(counts[argument], at_end) for argument in arguments]
        if "characters" in arguments:
            wild = np.random.default_rng(0).integers(-(2**31), 2**31, counts["characters"]).astype(np.int32)
            buffers[arguments.index("characters")].fill(wild)
        call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(buffers))(address(module, "kernel"))
        call(*(buffer.address for buffer in buffers))
