"""Vector arithmetic as LLVM instructions: the building blocks of row operations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

FLOAT, INTEGER, INDEX, TRUTH = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)
POINTER, NOTHING = ir.PointerType(), ir.VoidType()


class BFloat16(ir.Type):  # type: ignore[misc]
    """The type bfloat16, the upper half of a float32, which llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat16)

    def __hash__(self) -> int:
        return hash(BFloat16)


BFLOAT16 = BFloat16()

Emitted = Any
"""An LLVM value."""


class Vectors:
    """Instructions on `width` elements at a time, emitted at `builder`'s position."""

    def __init__(self, builder: ir.IRBuilder, width: int) -> None:
        self.builder, self.width = builder, width
        self.floats = ir.VectorType(FLOAT, width)
        self.integers = ir.VectorType(INTEGER, width)
        self.truths = ir.VectorType(TRUTH, width)
        self.bfloat16s = ir.VectorType(BFLOAT16, 2 * width)

    # Memory

    def at(self, pointer: Emitted, *offsets: Emitted) -> Emitted:
        """Return the address `offsets` numbers after `pointer`."""
        for offset in offsets:
            offset = INDEX(offset) if isinstance(offset, int) else offset
            pointer = self.builder.gep(pointer, [offset], source_etype=FLOAT)
        return pointer

    def character(self, pointer: Emitted, position: Emitted, vocab: int | Emitted) -> Emitted:
        """Return the id at a position as an index, limited to the vocabulary."""
        b = self.builder
        last = INDEX(vocab - 1) if isinstance(vocab, int) else b.sub(vocab, INDEX(1))
        address = b.gep(pointer, [position], source_etype=INTEGER)
        character = b.zext(b.load(address, typ=INTEGER, align=4), INDEX)
        return b.select(b.icmp_unsigned("<", character, last), character, last)

    def load(self, pointer: Emitted, elements: int | None = None) -> Emitted:
        """Load `width` elements; or the first `elements`, and zeros."""
        if elements is None or elements == self.width:
            return self.builder.load(pointer, typ=self.floats, align=4)
        kind = ir.FunctionType(self.floats, [POINTER, INTEGER, self.truths, self.floats])
        load = self.declare(f"llvm.masked.load.v{self.width}f32.p0", kind)
        return self.builder.call(load, [pointer, INTEGER(4), self.mask(elements), self.splat(0.0)])

    def store(self, vector: Emitted, pointer: Emitted, elements: int | None = None) -> None:
        """Store all elements, or the first `elements` without touching memory beyond them."""
        if elements is None or elements == self.width:
            self.builder.store(vector, pointer, align=4)
            return
        kind = ir.FunctionType(NOTHING, [self.floats, POINTER, INTEGER, self.truths])
        store = self.declare(f"llvm.masked.store.v{self.width}f32.p0", kind)
        self.builder.call(store, [vector, pointer, INTEGER(4), self.mask(elements)])

    def mask(self, elements: int) -> Emitted:
        """Return a mask of the first `elements`."""
        return ir.Constant(self.truths, [element < elements for element in range(self.width)])

    def broadcast(self, pointer: Emitted) -> Emitted:
        """Load one number into every element."""
        number = self.builder.load(pointer, typ=FLOAT, align=4)
        first = self.builder.insert_element(ir.Constant(self.floats, ir.Undefined), number, INTEGER(0))
        return self.shuffle(first, [0] * self.width)

    def splat(self, number: float) -> Emitted:
        """Return a constant in every element."""
        return ir.Constant(self.floats, [number] * self.width)

    def whole(self, number: int) -> Emitted:
        """Return an integer constant in every element."""
        return ir.Constant(self.integers, [number] * self.width)

    # Calls

    def declare(self, name: str, kind: ir.FunctionType) -> ir.Function:
        """Return an LLVM function, declared once per module."""
        module = self.builder.module
        return module.globals.get(name) or ir.Function(module, kind, name)

    def call(self, name: str, *vectors: Emitted) -> Emitted:
        """Call an LLVM intrinsic on vectors."""
        kind = ir.FunctionType(self.floats, [self.floats] * len(vectors))
        return self.builder.call(self.declare(f"llvm.{name}.v{self.width}f32", kind), vectors)

    def fma(self, a: Emitted, b: Emitted, c: Emitted) -> Emitted:
        """`a b + c`, rounded once."""
        return self.call("fma", a, b, c)

    def fma_bfloat16_pairs(self, a: Emitted, b: Emitted, c: Emitted) -> Emitted:
        """`a0 b0 + a1 b1 + c`: elements of a and b are pairs of bfloat16 numbers, c and the sum are float32."""
        kind = ir.FunctionType(self.floats, [self.floats, self.bfloat16s, self.bfloat16s])
        multiply = self.declare(f"llvm.x86.avx512bf16.dpbf16ps.{32 * self.width}", kind)
        return self.builder.call(multiply, [c, *(self.builder.bitcast(x, self.bfloat16s) for x in (a, b))])

    def to_bfloat16(self, vector: Emitted) -> Emitted:
        """Round to the nearest bfloat16, ties to even."""
        return self.builder.fptrunc(vector, ir.VectorType(BFLOAT16, self.width))

    def polynomial(self, x: Emitted, coefficients: tuple[float, ...]) -> Emitted:
        """Evaluate a polynomial by Horner's method, highest power first."""
        result = self.splat(coefficients[0])
        for coefficient in coefficients[1:]:
            result = self.fma(result, x, self.splat(coefficient))
        return result

    def choose(self, condition: Emitted, yes: Emitted, no: Emitted) -> Emitted:
        """Select element by element."""
        return self.builder.select(condition, yes, no)

    def shuffle(self, vector: Emitted, order: list[int]) -> Emitted:
        """Reorder the elements."""
        undefined = ir.Constant(vector.type, ir.Undefined)
        return self.builder.shuffle_vector(vector, undefined, ir.Constant(self.integers, order))

    def across(self, vector: Emitted, combine: Callable[[Emitted, Emitted], Emitted]) -> Emitted:
        """Combine all elements, into every element; pairwise, so that the order never changes."""
        step = self.width // 2
        while step:
            vector = combine(vector, self.shuffle(vector, [element ^ step for element in range(self.width)]))
            step //= 2
        return vector


@contextmanager
def counting(builder: ir.IRBuilder, count: int | Emitted, start: int = 0, step: int = 1) -> Iterator[Emitted]:
    """Emit a loop around the body of the context: `with counting(builder, 5) as index`. It runs at least once."""
    count = INDEX(count) if isinstance(count, int) else count
    before, inside = builder.block, builder.append_basic_block()
    after = builder.append_basic_block()
    builder.branch(inside)
    builder.position_at_end(inside)
    index = builder.phi(INDEX)
    index.add_incoming(INDEX(start), before)
    yield index
    following = builder.add(index, INDEX(step))
    index.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
    builder.position_at_end(after)


@contextmanager
def each_block(v: Vectors, size: Emitted, block: int) -> Iterator[tuple[Emitted, Emitted]]:
    """Emit a loop over blocks of at most `block` of `size` elements; yield the first element and their number."""
    b = v.builder
    with counting(b, b.udiv(b.add(size, INDEX(block - 1)), INDEX(block))) as number:
        first = b.mul(number, INDEX(block))
        rest = b.sub(size, first)
        yield first, b.select(b.icmp_unsigned("<", rest, INDEX(block)), rest, INDEX(block))


def each_vector(v: Vectors, size: int, body: Callable[[Emitted, int], None]) -> None:
    """Emit `body(position, elements)` for a row of `size` numbers: whole vectors in a loop, then the remainder."""
    blocks, rest = divmod(size, v.width)
    if blocks:
        with counting(v.builder, blocks) as block:
            body(v.builder.mul(block, INDEX(v.width)), v.width)
    if rest:
        body(INDEX(blocks * v.width), rest)


def clear(v: Vectors, target: Emitted, size: int) -> None:
    """Set a row to zero."""
    each_vector(v, size, lambda position, elements: v.store(v.splat(0.0), v.at(target, position), elements))


def copy(v: Vectors, source: Emitted, target: Emitted, size: int) -> None:
    """Copy a row."""

    def block(position: Emitted, elements: int) -> None:
        v.store(v.load(v.at(source, position), elements), v.at(target, position), elements)

    each_vector(v, size, block)


def has_bit(v: Vectors, pointer: Emitted, bit: int) -> Emitted:
    """Return whether the integer at `pointer` has that bit."""
    b = v.builder
    return b.icmp_unsigned("!=", b.and_(b.load(pointer, typ=INTEGER, align=4), INTEGER(bit)), INTEGER(0))
