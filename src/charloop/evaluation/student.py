"""Student's distribution, of the mean of a few normal draws (Student 1908, The probable error of a mean)."""

import math

HALVINGS = 200
"""More than floats have digits."""


def chance_beyond(t: float, freedom: int) -> float:
    """The share of Student's distribution that lies beyond `t` (0 or more) on either side.

    The finite series for a whole number of degrees of freedom, 1 or more: Abramowitz and Stegun 1964, 26.7.3 and
    26.7.4. Right to about 1e-15, below which it is 0.
    """
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    if freedom == 1:
        return min(1.0, max(0.0, 1 - 2 / math.pi * angle))
    term = cosine if odd else 1.0
    total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(1.0, max(0.0, 1 - within))


def student(level: float, freedom: int) -> float:
    """The t that a share `level` of Student's distribution lies within, of either sign: `chance_beyond` turned round.

    By halving, for 1 degree of freedom and more and levels up to 1 - 1e-9: two seeds leave one, where the usual
    expansions in 1/freedom are off by half.
    """
    low, high = 0.0, 1.0
    while chance_beyond(high, freedom) > 1 - level:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if chance_beyond(middle, freedom) > 1 - level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
