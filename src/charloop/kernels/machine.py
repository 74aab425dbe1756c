"""What kernels are compiled for: a processor's vectors and registers, as a value that callers pass on."""

from dataclasses import dataclass
from functools import cache

from llvmlite import binding as llvm


@dataclass(frozen=True)
class Tile:
    """Rows and vectors of columns whose sums are kept in registers together."""

    rows: int
    vectors: int


@dataclass(frozen=True)
class Machine:
    """A kind of processor. If the actual processor has narrower vectors, LLVM splits wider ones."""

    width: int
    """Number of float32 elements in a vector."""
    tile: Tile
    bfloat16: bool = False
    """Whether it multiplies pairs of bfloat16 numbers (avx512_bf16)."""


@cache
def target_machine() -> llvm.TargetMachine:
    """Return LLVM's target for this processor, with all its instructions."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    native = llvm.Target.from_default_triple()
    return native.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)


@cache
def describe_layout() -> tuple[str, str]:
    """Return the processor's triple and data layout in LLVM's notation."""
    return llvm.get_process_triple(), str(target_machine().target_data)


@cache
def detect_machine() -> Machine:
    """Return this processor. The result is cached: LLVM's answer would wait for running compilations."""
    target_machine()
    has = dict(llvm.get_host_cpu_features())
    if has.get("avx512f"):
        return Machine(16, Tile(6, 4), has.get("avx512bf16", False))
    if has.get("avx2") and has.get("fma"):
        return Machine(8, Tile(6, 2))
    return Machine(4, Tile(6, 4))
