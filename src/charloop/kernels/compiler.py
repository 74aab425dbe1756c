"""From LLVM instructions to machine code that XLA can call, without a compiler on the machine.

The handler speaks XLA's FFI (xla/ffi/api/c_api.h, version 0): it takes a call's buffers apart and calls the kernel.
"""

import ctypes
import hashlib
from functools import cache, partial
from typing import Any

import jax
from llvmlite import binding as llvm
from llvmlite import ir

from charloop.kernels import background, objects
from charloop.kernels.ffi import ffi_version
from charloop.kernels.product import Tile
from charloop.kernels.vectors import INDEX, INTEGER, NOTHING, POINTER

EXTENSION, ARGUMENTS, RESULTS, DATA = 8, 72, 112, 24
"""Bytes into XLA_FFI_CallFrame: its extensions, the lists of arguments and results; into a buffer: its numbers."""
METADATA, MAJOR, MINOR, TRAITS = 24, 24, 28, 32
"""Bytes into XLA_FFI_Metadata_Extension: the metadata; and into that: the version we speak, and no traits."""

_alive: dict[str, llvm.ExecutionEngine] = {}
"""By handler: machine code is thrown away with its engine."""


@cache
def target() -> llvm.TargetMachine:
    """This machine's processor, with all that it can do."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    native = llvm.Target.from_default_triple()
    return native.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)


@cache
def features() -> dict[str, bool]:
    """What the processor can do. Asked once, like all that is LLVM's: whoever asks waits for what LLVM compiles."""
    target()
    return dict(llvm.get_host_cpu_features())


@cache
def machine() -> tuple[str, str]:
    """This machine's kind and how numbers lie in its memory, in LLVM's words."""
    return llvm.get_process_triple(), str(target().target_data)


@cache
def compiling() -> str:
    """All that machine code depends on beside the instructions it is made of."""
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return f"{processor}{llvm.llvm_version_info}{ffi_version()}"


@cache
def shape() -> tuple[int, Tile]:
    """Numbers in a vector, and the tile that its registers hold."""
    can = features()
    if can.get("avx512f"):
        return 16, Tile(6, 4)
    if can.get("avx2") and can.get("fma"):
        return 8, Tile(6, 2)
    return 4, Tile(6, 4)


def has_halves() -> bool:
    """Whether the processor multiplies pairs of bfloat16 numbers."""
    return features().get("avx512bf16", False)


def new_module() -> ir.Module:
    """Empty, for this machine."""
    module = ir.Module()
    module.triple, module.data_layout = machine()
    return module


def new_function(module: ir.Module, count: int) -> ir.Function:
    """Of so many addresses."""
    return ir.Function(module, ir.FunctionType(NOTHING, [POINTER] * count), "kernel")


def callable_by_xla(module: ir.Module, function: ir.Function, inputs: int) -> str:
    """Compile the module; the name under which XLA can call its function, whose first arguments are inputs."""
    name = named(module)
    emit_handler(module, name, function, inputs)
    background.do(partial(register, module, name))
    return name


def emit_handler(module: ir.Module, name: str, kernel: ir.Function, inputs: int) -> None:
    """`XLA_FFI_Error* name(XLA_FFI_CallFrame*)`: tells its version if asked for it, else calls `kernel`."""
    handler = ir.Function(module, ir.FunctionType(POINTER, [POINTER]), name)
    b = ir.IRBuilder(handler.append_basic_block())

    def at(base: Any, offset: int) -> Any:
        return b.gep(base, [INDEX(offset)], source_etype=ir.IntType(8))

    def pointer(base: Any, offset: int) -> Any:
        return b.load(at(base, offset), typ=POINTER)

    frame, nothing = handler.args[0], ir.Constant(POINTER, None)
    extension = pointer(frame, EXTENSION)
    with b.if_then(b.icmp_unsigned("!=", extension, nothing)):
        metadata, (major, minor) = pointer(extension, METADATA), ffi_version()
        for offset, value in ((MAJOR, major), (MINOR, minor), (TRAITS, 0)):
            b.store(INTEGER(value), at(metadata, offset))
        b.ret(nothing)
    arguments, results = pointer(frame, ARGUMENTS), pointer(frame, RESULTS)
    buffers = [pointer(arguments, 8 * i) for i in range(inputs)]
    buffers += [pointer(results, 8 * i) for i in range(len(kernel.args) - inputs)]
    b.call(kernel, [pointer(buffer, DATA) for buffer in buffers])
    b.ret(nothing)


def machine_code(module: ir.Module) -> bytes:
    """An object file of optimised code."""
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The vectors are there already.
    options.loop_vectorization = options.slp_vectorization = False
    passes = llvm.create_pass_builder(target(), options)
    passes.getModulePassManager().run(parsed, passes)
    code: bytes = target().emit_object(parsed)
    return code


def loaded(code: bytes) -> llvm.ExecutionEngine:
    """The object file in memory, ready to run."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def register(module: ir.Module, name: str) -> None:
    """Let XLA call the handler `name`, on the CPU, for the life of the process; two plans may have one handler."""
    if name in _alive:
        return
    code = objects.load(name)
    if code is None:
        code = machine_code(module)
        objects.keep(name, code)
    _alive[name] = loaded(code)
    address = _alive[name].get_function_address(name)
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    jax.ffi.register_ffi_target(name, capsule(address, None, None), platform="cpu")


def named(module: ir.Module) -> str:
    """A name for the code that comes of the module: compiled programs are kept on the disk by the names they call."""
    content = f"{module}{compiling()}".encode()
    return f"charloop_{hashlib.sha256(content).hexdigest()[:16]}"
