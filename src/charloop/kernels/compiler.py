"""Compile LLVM instructions to machine code that XLA can call, without a compiler on the machine.

The handler implements XLA's FFI (xla/ffi/api/c_api.h, version 0): it unpacks the buffers of a call and calls the
kernel.
"""

import hashlib
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
from llvmlite import binding as llvm
from llvmlite import ir

from charloop.kernels import code_cache
from charloop.kernels.availability import read_ffi_version
from charloop.kernels.emitting.signature import Signature
from charloop.kernels.emitting.vectors import INDEX, INTEGER, NOTHING, POINTER, Emitted, Vectors
from charloop.kernels.machine import describe_layout, target_machine

EXTENSION, ARGUMENTS, RESULTS = 8, 72, 112
"""Offsets in bytes into XLA_FFI_CallFrame: its extensions, and the lists of arguments and results."""
DATA, DIMENSIONS = 24, 40
"""Offsets in bytes into XLA_FFI_Buffer: its data and its dimensions."""
KIND, NEXT, IS_METADATA = 8, 16, 1
"""Offsets in bytes into an extension: its type and the next extension; the type that asks for metadata."""
METADATA, MAJOR, MINOR, TRAITS = 24, 24, 28, 32
"""Offset in bytes into XLA_FFI_Metadata_Extension of the metadata; and into that, of version and traits."""

EmittedKernel = tuple[ir.Module, ir.Function, Signature]

_alive: dict[str, llvm.ExecutionEngine] = {}
"""By handler name: LLVM frees machine code with its engine."""
_registering = threading.Lock()


@cache
def describe_toolchain() -> str:
    """Return everything that machine code depends on besides its instructions."""
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return f"{processor}{llvm.llvm_version_info}{read_ffi_version()}"


def create_module() -> ir.Module:
    """Return an empty module for this machine."""
    module = ir.Module()
    module.triple, module.data_layout = describe_layout()
    return module


def emit_kernel(
    signature: Signature, width: int, emit: Callable[[Vectors, dict[str, Emitted]], None]
) -> EmittedKernel:
    """Return a kernel with the code that `emit` writes, given vectors of `width` and the arguments by name."""
    module = create_module()
    names = [argument.name for argument in signature.arguments]
    kinds = [POINTER] * len(names) + [INDEX] * len(signature.sizes)
    function = ir.Function(module, ir.FunctionType(NOTHING, kinds), "kernel")
    v = Vectors(ir.IRBuilder(function.append_basic_block()), width)
    emit(v, dict(zip([*names, *signature.sizes], function.args, strict=True)))
    v.builder.ret_void()
    return module, function, signature


def name_handler(emitted: EmittedKernel) -> str:
    """Return a name unique to a kernel's machine code: XLA's compiled programs on disk find kernels by name."""
    module, _, signature = emitted
    content = f"{module}{signature}{describe_toolchain()}".encode()
    return f"charloop_{hashlib.sha256(content).hexdigest()[:16]}"


def emit_handler(emitted: EmittedKernel, name: str) -> None:
    """Emit `XLA_FFI_Error* name(XLA_FFI_CallFrame*)`, which reports its version if asked, or calls the kernel."""
    module, kernel, signature = emitted
    handler = ir.Function(module, ir.FunctionType(POINTER, [POINTER]), name)
    b = ir.IRBuilder(handler.append_basic_block())
    frame, nothing = handler.args[0], ir.Constant(POINTER, None)
    _answer_metadata(b, _pointer(b, frame, EXTENSION), nothing)
    groups = [
        [_pointer(b, _pointer(b, frame, offset), 8 * i) for i in range(len(arguments))]
        for offset, arguments in ((ARGUMENTS, signature.inputs), (RESULTS, signature.outputs))
    ]
    by_name = {
        argument.name: buffer
        for arguments, buffers in zip((signature.inputs, signature.outputs), groups, strict=True)
        for argument, buffer in zip(arguments, buffers, strict=True)
    }
    given = [_pointer(b, by_name[argument.name], DATA) for argument in signature.arguments]
    for size in signature.sizes:
        written, number, axis = signature.locate(size)
        dimensions = _pointer(b, groups[written][number], DIMENSIONS)
        given.append(b.load(_at(b, dimensions, 8 * axis), typ=INDEX))
    b.call(kernel, given)
    b.ret(nothing)


def _answer_metadata(b: ir.IRBuilder, first: Any, nothing: ir.Constant) -> None:
    """Walk the call's extensions: fill in the one that asks for metadata and return; skip others."""
    before, head = b.block, b.append_basic_block()
    body, answer, following = (b.append_basic_block() for _ in range(3))
    after = b.append_basic_block()
    b.branch(head)
    b.position_at_end(head)
    extension = b.phi(POINTER)
    extension.add_incoming(first, before)
    b.cbranch(b.icmp_unsigned("==", extension, nothing), after, body)
    b.position_at_end(body)
    kind = b.load(_at(b, extension, KIND), typ=INTEGER)
    b.cbranch(b.icmp_unsigned("==", kind, INTEGER(IS_METADATA)), answer, following)
    b.position_at_end(answer)
    metadata, (major, minor) = _pointer(b, extension, METADATA), read_ffi_version()
    for offset, value in ((MAJOR, major), (MINOR, minor), (TRAITS, 0)):
        b.store(INTEGER(value), _at(b, metadata, offset))
    b.ret(nothing)
    b.position_at_end(following)
    extension.add_incoming(_pointer(b, extension, NEXT), following)
    b.branch(head)
    b.position_at_end(after)


def _at(b: ir.IRBuilder, base: Any, offset: int) -> Any:
    return b.gep(base, [INDEX(offset)], source_etype=ir.IntType(8))


def _pointer(b: ir.IRBuilder, base: Any, offset: int) -> Any:
    return b.load(_at(b, base, offset), typ=POINTER)


def compile_module(module: ir.Module) -> bytes:
    """Return an object file of optimised code."""
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The code is vectorised already.
    options.loop_vectorization = options.slp_vectorization = False
    passes = llvm.create_pass_builder(target_machine(), options)
    passes.getModulePassManager().run(parsed, passes)
    code: bytes = target_machine().emit_object(parsed)
    return code


def load_machine_code(code: bytes) -> llvm.ExecutionEngine:
    """Load an object file into memory, ready to run."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def register_kernel(emitted: EmittedKernel, name: str) -> None:
    """Let XLA call a kernel by `name` on the CPU for the life of the process. Equal kernels share a name."""
    with _registering:
        if name in _alive:
            return
        code = code_cache.load_code(name)
        if code is None:
            emit_handler(emitted, name)
            code = compile_module(emitted[0])
            code_cache.save_code(name, code)
        engine = load_machine_code(code)
        capsule = jax.ffi.pycapsule(engine.get_function_address(name))
        jax.ffi.register_ffi_target(name, capsule, platform="cpu")
        _alive[name] = engine
