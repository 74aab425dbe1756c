"""The functions of a step as vector instructions; NaN and infinity propagate.

Each is within 4 units in the last place (erf: 8); results below float32's normal range may become 0.

exp and log follow Moshier's Cephes (expf, logf); tanh uses exp(2x) - 1, computed without cancellation near 0.
"""

from collections.abc import Callable

from charloop.kernels.emitting.vectors import Emitted, Vectors
from charloop.kernels.tracing.decompositions import LN2_HIGH, LN2_LOW, SHIFT

LOG2_E = 1.4426950408889634
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
"""exp(r) = 1 + r + r^2 p(r) for |r| <= ln 2 / 2 (Moshier's Cephes, expf)."""
LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
"""log(1 + r) = r - r^2 / 2 + r^3 p(r) (Cephes, logf)."""
MAX_EXP_INPUT, MIN_EXP_INPUT = 89.0, -104.0
"""Beyond these, float32's exp is infinity or 0."""
MAX_TANH_INPUT = 9.1
"""Beyond this, float32's tanh is 1."""
ERF_ABOVE = (
    -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
    -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
)  # fmt: skip
ERF_BELOW = (
    -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2,
)  # fmt: skip


def reduce_exponent(v: Vectors, x: Emitted) -> tuple[Emitted, Emitted]:
    """Write `x = n ln 2 + r` with the nearest integer n; return the bits of `SHIFT + n`, and r."""
    shifted = v.fma(x, v.splat(LOG2_E), v.splat(SHIFT))
    n = v.builder.fsub(shifted, v.splat(SHIFT))
    r = v.fma(n, v.splat(-LN2_HIGH), x)
    r = v.fma(n, v.splat(-LN2_LOW), r)
    return v.builder.bitcast(shifted, v.integers), r


def emit_power_of_two(v: Vectors, n: Emitted) -> Emitted:
    """2^n for integers n in -126 to 127; unspecified for others."""
    return v.builder.bitcast(v.builder.shl(v.builder.add(n, v.whole(127)), v.whole(23)), v.floats)


def clip(v: Vectors, x: Emitted, low: float, high: float) -> Emitted:
    """Limit x to between `low` and `high`; NaN stays NaN."""
    x = v.choose(v.builder.fcmp_ordered(">", x, v.splat(high)), v.splat(high), x)
    return v.choose(v.builder.fcmp_ordered("<", x, v.splat(low)), v.splat(low), x)


def emit_exp(v: Vectors, x: Emitted) -> Emitted:
    """exp(x). The power of two is applied in two halves, so that overflow and subnormal numbers are reached."""
    bits, r = reduce_exponent(v, clip(v, x, MIN_EXP_INPUT, MAX_EXP_INPUT))
    n = v.builder.sub(bits, v.whole(0x4B400000))
    half = v.builder.ashr(n, v.whole(1))
    value = v.fma(v.polynomial(r, EXP), v.builder.fmul(r, r), v.builder.fadd(r, v.splat(1.0)))
    value = v.builder.fmul(value, emit_power_of_two(v, half))
    return v.builder.fmul(value, emit_power_of_two(v, v.builder.sub(n, half)))


def emit_logistic(v: Vectors, x: Emitted) -> Emitted:
    """`1 / (1 + exp(-x))`, which is 0 if exp overflows."""
    return v.builder.fdiv(v.splat(1.0), v.builder.fadd(v.splat(1.0), emit_exp(v, v.builder.fneg(x))))


def emit_tanh(v: Vectors, x: Emitted) -> Emitted:
    """`e / (e + 2)` with `e = exp(2|x|) - 1`, with the sign of x."""
    b = v.builder
    doubled = clip(v, v.call("fabs", x), 0.0, MAX_TANH_INPUT)
    bits, r = reduce_exponent(v, b.fadd(doubled, doubled))
    power = emit_power_of_two(v, b.sub(bits, v.whole(0x4B400000)))
    small = v.fma(v.polynomial(r, EXP), b.fmul(r, r), r)
    e = v.fma(power, small, b.fsub(power, v.splat(1.0)))
    return v.call("copysign", b.fdiv(e, b.fadd(e, v.splat(2.0))), x)


def emit_log(v: Vectors, x: Emitted) -> Emitted:
    """Write `x = 2^n m` with m within 1/sqrt(2) and sqrt(2); subnormal numbers are scaled up first."""
    b = v.builder
    tiny = b.fcmp_ordered("<", x, v.splat(2.0**-126))
    scaled = v.choose(tiny, b.fmul(x, v.splat(2.0**23)), x)
    bits = b.bitcast(scaled, v.integers)
    exponent = b.sub(b.lshr(bits, v.whole(23)), v.whole(126))
    m = b.bitcast(b.or_(b.and_(bits, v.whole(0x007FFFFF)), v.whole(0x3F000000)), v.floats)
    low = b.fcmp_ordered("<", m, v.splat(0.70710678))
    m = b.fsub(v.choose(low, b.fadd(m, m), m), v.splat(1.0))
    exponent = b.sub(exponent, v.choose(low, v.whole(1), v.whole(0)))
    n = b.fsub(b.sitofp(exponent, v.floats), v.choose(tiny, v.splat(23.0), v.splat(0.0)))
    square = b.fmul(m, m)
    value = b.fmul(b.fmul(v.polynomial(m, LOG), m), square)
    value = v.fma(n, v.splat(LN2_LOW), value)
    value = v.fma(v.splat(-0.5), square, value)
    value = v.fma(n, v.splat(LN2_HIGH), b.fadd(m, value))
    value = v.choose(b.fcmp_ordered("==", x, v.splat(0.0)), v.splat(float("-inf")), value)
    value = v.choose(b.fcmp_ordered("==", x, v.splat(float("inf"))), x, value)
    return v.choose(b.fcmp_unordered("<", x, v.splat(0.0)), v.splat(float("nan")), value)


def emit_erf(v: Vectors, x: Emitted) -> Emitted:
    """x P(x^2) / Q(x^2) within 4, as in Eigen and XLA."""
    inside = clip(v, x, -4.0, 4.0)
    square = v.builder.fmul(inside, inside)
    slope = v.builder.fdiv(v.polynomial(square, ERF_ABOVE), v.polynomial(square, ERF_BELOW))
    return v.builder.fmul(inside, slope)


def emit_sign(v: Vectors, x: Emitted) -> Emitted:
    """-1, 0 or 1; NaN for NaN."""
    positive = v.choose(v.builder.fcmp_ordered(">", x, v.splat(0.0)), v.splat(1.0), x)
    return v.choose(v.builder.fcmp_ordered("<", x, v.splat(0.0)), v.splat(-1.0), positive)


def compare_by(operator: str) -> Callable[..., Emitted]:
    """Compare as JAX does: a comparison with NaN is false, except that NaN differs from everything."""

    def compare(v: Vectors, a: Emitted, b: Emitted) -> Emitted:
        order = v.builder.fcmp_unordered if operator == "!=" else v.builder.fcmp_ordered
        return order(operator, a, b)

    return compare


def choose_extreme(operator: str) -> Callable[..., Emitted]:
    """max and min: NaN if either argument is NaN."""

    def pick(v: Vectors, a: Emitted, b: Emitted) -> Emitted:
        first = v.builder.fcmp_unordered(operator, a, b)
        # An unordered comparison picks a, which is NaN unless only b is.
        both = v.choose(first, a, b)
        return v.choose(v.builder.fcmp_unordered("uno", b, b), b, both)

    return pick


FUNCTIONS: dict[str, Callable[..., Emitted]] = {
    "add": lambda v, a, b: v.builder.fadd(a, b),
    "sub": lambda v, a, b: v.builder.fsub(a, b),
    "mul": lambda v, a, b: v.builder.fmul(a, b),
    "div": lambda v, a, b: v.builder.fdiv(a, b),
    "neg": lambda v, a: v.builder.fneg(a),
    "sign": emit_sign,
    "erf": emit_erf,
    "abs": lambda v, a: v.call("fabs", a),
    "square": lambda v, a: v.builder.fmul(a, a),
    "sqrt": lambda v, a: v.call("sqrt", a),
    "rsqrt": lambda v, a: v.builder.fdiv(v.splat(1.0), v.call("sqrt", a)),
    "exp": emit_exp,
    "log": emit_log,
    "tanh": emit_tanh,
    "logistic": emit_logistic,
    "max": choose_extreme(">"),
    "min": choose_extreme("<"),
    "lt": compare_by("<"),
    "le": compare_by("<="),
    "gt": compare_by(">"),
    "ge": compare_by(">="),
    "eq": compare_by("=="),
    "ne": compare_by("!="),
    "and": lambda v, a, b: v.builder.and_(a, b),
    "or": lambda v, a, b: v.builder.or_(a, b),
    "not": lambda v, a: v.builder.not_(a),
    "select_n": lambda v, which, no, yes: v.choose(which, yes, no),
    "to_float32": lambda v, a: v.choose(a, v.splat(1.0), v.splat(0.0)) if a.type == v.truths else a,
    "to_bool": lambda v, a: a if a.type == v.truths else v.builder.fcmp_unordered("!=", a, v.splat(0.0)),
}
"""By their names in a program."""
