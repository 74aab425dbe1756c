"""Student's t distribution, of the mean of a few normal draws (Student 1908, The probable error of a mean).

From scipy.special, imported where it is used: `scipy.stats` has the same and takes four times as long to load.
"""


def find_reach(level: float, freedom: int) -> float:
    """Return the t within which, on either side of 0, a share `level` of the distribution lies."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def find_p_value(difference: float, error: float, freedom: int) -> float:
    """Return the probability of a mean at least this far from 0 if it were 0, given its standard `error`."""
    from scipy.special import stdtr

    if not error:
        return 0.0 if difference else 1.0
    return float(2 * stdtr(freedom, -abs(difference) / error))
