"""No access outside the buffers: each ends, or begins, at a protected page."""

import ctypes
import math
import mmap
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from cells.table import EXAMPLES
from charloop.cells import CELLS, make_cell
from charloop.kernels.emitting.backward import make_backward
from charloop.kernels.emitting.forward import make_forward
from charloop.kernels.emitting.signature import Argument
from charloop.kernels.machine import Tile, detect_machine
from charloop.kernels.plan import Plan
from charloop.kernels.step_programs import trace_cell
from choosing import mostly_slow
from kernels.direct import MACHINES, address

TWO_PRODUCTS = f"{EXAMPLES / 'my_cells.py'}:MultiplicativeLSTM"

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Guarded:
    """Memory for `count` numbers between two pages that end the process if touched."""

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


def numbers_in(argument: Argument, sizes: dict[str, int]) -> int:
    """How many numbers an argument holds."""
    return math.prod(sizes[axis] if isinstance(axis, str) else axis for axis in argument.shape)


LAYERS = (
    ("gru", 0, True),
    ("gru", 5, False),
    ("ln-lstm", 5, True),
    ("lstm", 0, False),
    (TWO_PRODUCTS, 5, True),
    (TWO_PRODUCTS, 0, False),
)
"""A cell, rows of its table, and whether a batch row may be reset or end."""
NARROW, WIDE = (4, False), (16, True)
"""Numbers in a vector, and whether products are of bfloat16."""


@pytest.mark.parametrize(
    ("name", "table", "flagged", "width", "bfloat16"),
    mostly_slow(
        ((*layer, *machine) for layer, machine in product(LAYERS, product(MACHINES, (False, True)))),
        lambda case: case[3:] == (NARROW if case[:3] in LAYERS[::2] else WIDE),
    ),
)
def test_a_kernel_stays_within_its_buffers(
    name: str, table: int, flagged: bool, width: int, bfloat16: bool
) -> None:
    if bfloat16 and not detect_machine().bfloat16:
        pytest.skip("this processor has no bfloat16 products")
    machine = replace(MACHINES[width], tile=Tile(6, 2))
    plan = Plan(
        trace_cell(make_cell(CELLS, name, 19)), machine, table=table > 0, bfloat16=bfloat16, flagged=flagged
    )
    sizes = {"time": 3, "batch": 5, "rows": table}
    for make in (make_forward, make_backward):
        module, _, signature = make(plan)
        kinds = [ctypes.c_void_p] * len(signature.arguments) + [ctypes.c_int64] * len(signature.sizes)
        call = ctypes.CFUNCTYPE(None, *kinds)(address(module, "kernel"))
        for at_end in (False, True):
            buffers = [Guarded(numbers_in(argument, sizes), at_end) for argument in signature.arguments]
            for argument, buffer in zip(signature.arguments, buffers, strict=True):
                if argument.dtype == "int32":
                    wild = np.random.default_rng(0).integers(-(2**31), 2**31, numbers_in(argument, sizes))
                    buffer.fill(wild.astype(np.int32))
            call(*(buffer.address for buffer in buffers), *(sizes[name] for name in signature.sizes))
