"""What kernels are made for: a processor's vectors and registers, as a value that is handed down."""

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
    """A kind of processor. LLVM makes do where the processor at hand has no vectors so wide."""

    width: int
    """Numbers (float32) in a vector."""
    tile: Tile
    bfloat16: bool = False
    """Whether it multiplies pairs of bfloat16 numbers (avx512_bf16)."""


@cache
def target_machine() -> llvm.TargetMachine:
    """The processor at hand, with all its instructions."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    native = llvm.Target.from_default_triple()
    return native.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)


@cache
def describe_layout() -> tuple[str, str]:
    """The processor's kind and how numbers lie in its memory, in LLVM's words."""
    return llvm.get_process_triple(), str(target_machine().target_data)


@cache
def detect_machine() -> Machine:
    """The processor at hand. Asked once: whoever asks LLVM waits for what it compiles."""
    target_machine()
    has = dict(llvm.get_host_cpu_features())
    if has.get("avx512f"):
        return Machine(16, Tile(6, 4), has.get("avx512bf16", False))
    if has.get("avx2") and has.get("fma"):
        return Machine(8, Tile(6, 2))
    return Machine(4, Tile(6, 4))
