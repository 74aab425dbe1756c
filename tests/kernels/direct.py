"""Kernels called as plain functions on memory of the tests' own, without XLA."""

import ctypes
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from llvmlite import ir

from charloop.kernels.compiler import compile_module, create_module, load_machine_code
from charloop.kernels.emitting.functions import FUNCTIONS
from charloop.kernels.emitting.rows import Memory, RowEmitter
from charloop.kernels.emitting.vectors import INDEX, NOTHING, POINTER, Emitted, Vectors, counting
from charloop.kernels.machine import Machine, Tile, detect_machine
from charloop.kernels.tracing.program import Program
from choosing import slow

NEEDS_BFLOAT16 = pytest.mark.skipif(
    not detect_machine().bfloat16, reason="this processor has no bfloat16 products"
)

MACHINES = {4: Machine(4, Tile(6, 4)), 8: Machine(8, Tile(6, 2)), 16: Machine(16, Tile(6, 4))}
"""Other processors' vectors, by their width; LLVM makes do where this one has none so wide."""
HERE = detect_machine()

ODD_SIZES = [(1, 1, 1, 1), (3, 2, 5, 7), (9, 25, 40, 129), (200, 3, 7, 100), (2, 128, 6, 64)]
QUICK = {(0, 4), (1, 8), (2, 16), (3, 8), (4, 16)}
SIZES = [
    (tuple if (number, width) in QUICK else slow)((*size, MACHINES[width]))
    for number, size in enumerate(ODD_SIZES)
    for width in MACHINES
]
"""Time steps, batch rows, and sizes of two rows, not multiples of the width; on machines of each width."""

_engines = []


Body = Callable[..., None]


def address(module: ir.Module, name: str) -> int:
    """The machine code of a function, kept alive."""
    _engines.append(load_machine_code(compile_module(module)))
    return _engines[-1].get_function_address(name)


def function_of(name: str, width: int, count: int = 1) -> Callable[..., np.ndarray]:
    """A function of a step, on arrays whose length is a multiple of `width`; `count` arguments."""
    module = create_module()
    kind = ir.FunctionType(NOTHING, [INDEX] + [POINTER] * (count + 1))
    function = ir.Function(module, kind, "run")
    builder = ir.IRBuilder(function.append_basic_block())
    v = Vectors(builder, width)
    blocks, *inputs, output = function.args
    with counting(builder, blocks) as block:
        position = builder.mul(block, INDEX(width))
        result = FUNCTIONS[name](v, *(v.load(v.at(pointer, position)) for pointer in inputs))
        result = FUNCTIONS["to_float32"](v, result)
        v.store(result, v.at(output, position))
    builder.ret_void()
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (count + 1))(address(module, "run"))

    def run(*arrays: np.ndarray) -> np.ndarray:
        given = [np.ascontiguousarray(array, np.float32) for array in arrays]
        output = np.empty_like(given[0])
        call(output.size // width, *(array.ctypes.data for array in (*given, output)))
        return output

    return run


def call_emitted(width: int, body: Body, *arrays: np.ndarray) -> None:
    """Compile `body(vectors, *pointers)` for vectors of that width, and run it on the memory of `arrays`."""
    module = create_module()
    function = ir.Function(module, ir.FunctionType(NOTHING, [POINTER] * len(arrays)), "run")
    v = Vectors(ir.IRBuilder(function.append_basic_block()), width)
    body(v, *function.args)
    v.builder.ret_void()
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays))(address(module, "run"))
    call(*(array.ctypes.data for array in arrays))


def row_function(program: Program, hidden: int, width: int) -> Callable[..., np.ndarray]:
    """The emitted code of a program: from the leaves of its arguments to `rows` results."""

    def run(arguments: Mapping[str, Sequence[np.ndarray]], rows: int) -> np.ndarray:
        leaves = {(name, i): leaf for name, given in arguments.items() for i, leaf in enumerate(given)}
        found = np.zeros((rows, hidden), np.float32)
        waiting = np.zeros((max(1, len(program.buffered)), -(-hidden // width) * width), np.float32)

        def body(v: Vectors, *pointers: Emitted) -> None:
            *inputs, target, buffer = pointers
            at = dict(zip(leaves, inputs, strict=True))
            memory = Memory(
                address=lambda location: v.at(at[location[:2]], location[2] * hidden),
                target=lambda location: v.at(target, location[2] * hidden),
                adds=lambda _: False,
                lone=lambda _: False,
                buffer=buffer,
            )
            RowEmitter(v, program, hidden).emit(memory)

        call_emitted(width, body, *leaves.values(), found, waiting)
        return found

    return run
