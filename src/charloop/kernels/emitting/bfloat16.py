"""Round rows to bfloat16: half the bytes and twice the products per instruction, if the processor supports it.

Sums stay float32. Two adjacent numbers, of a row or of a column, form one 32-bit word.
"""

from collections.abc import Callable

from llvmlite import ir

from charloop.kernels.emitting.vectors import INDEX, INTEGER, Emitted, Vectors, counting, each_vector


def count_row_words(size: int, width: int) -> int:
    """Return the words of a row of `size` numbers: of whole vectors, padded with zeros."""
    return -(-size // width) * width // 2


def emit_bfloat16_rows(
    v: Vectors, rows: Emitted | int, size: int, source: Callable[[Emitted], Emitted], target: Emitted
) -> None:
    """Round each row of `size` numbers to `count_row_words` words: pairs within a row, for a product over it."""
    with counting(v.builder, rows) as row:
        read = source(row)
        write = v.at(target, v.builder.mul(row, INDEX(count_row_words(size, v.width))))

        def block(unit: Emitted, elements: int) -> None:
            is_bfloat16 = v.to_bfloat16(v.load(v.at(read, unit), elements))
            v.builder.store(is_bfloat16, v.at(write, v.builder.udiv(unit, INDEX(2))), align=4)

        each_vector(v, size, block)


def emit_bfloat16_pairs(v: Vectors, depth: Emitted, size: int, source: Emitted, target: Emitted) -> None:
    """Round rows of `size` numbers to half as many rows of words: pairs of two rows, for a product over all rows."""
    b, stride = v.builder, 2 * count_row_words(size, v.width)
    whole = b.udiv(depth, INDEX(2))
    with b.if_then(b.icmp_unsigned("!=", whole, INDEX(0))), counting(b, whole) as pair:
        read = v.at(source, b.mul(pair, INDEX(2 * size)))
        _emit_pair(v, size, read, v.at(read, size), v.at(target, b.mul(pair, INDEX(stride))))
    with b.if_then(b.icmp_unsigned("!=", b.urem(depth, INDEX(2)), INDEX(0))):
        last = v.at(source, b.mul(whole, INDEX(2 * size)))
        _emit_pair(v, size, last, None, v.at(target, b.mul(whole, INDEX(stride))))


def _emit_pair(v: Vectors, size: int, first: Emitted, second: Emitted | None, target: Emitted) -> None:
    """Interleave two rows into one row of words; a missing second row is 0."""
    order = [element + v.width * other for element in range(v.width) for other in (0, 1)]
    turns = ir.Constant(ir.VectorType(INTEGER, 2 * v.width), order)

    def block(unit: Emitted, elements: int) -> None:
        low = v.to_bfloat16(v.load(v.at(first, unit), elements))
        high = v.to_bfloat16(v.load(v.at(second, unit), elements) if second is not None else v.splat(0.0))
        v.builder.store(v.builder.shuffle_vector(low, high, turns), v.at(target, unit), align=4)

    each_vector(v, size, block)
