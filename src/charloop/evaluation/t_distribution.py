"""Student's t distribution, of the mean of a few normal draws (Student 1908, The probable error of a mean).

scipy.stats takes a second to load: only what asks for an interval or a p-value loads it.
"""


def find_reach(level: float, freedom: int) -> float:
    """Return the t within which, on either side of 0, a share `level` of the distribution lies."""
    from scipy import stats

    return float(stats.t.ppf((1 + level) / 2, freedom))


def find_p_value(difference: float, error: float, freedom: int) -> float:
    """Return the probability of a mean at least this far from 0 if it were 0, given its standard `error`."""
    from scipy import stats

    if not error:
        return 0.0 if difference else 1.0
    return float(2 * stats.t.sf(abs(difference) / error, freedom))
