"""Student's t: against printed tables, and a numerically integrated density."""

import math
import subprocess
import sys

import numpy as np
import pytest

from charloop.evaluation.t_distribution import find_p_value, find_reach


@pytest.mark.parametrize(
    ("level", "freedom", "t"),
    # Student's own kind of table, as in Fisher 1925: two-sided levels.
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.99, 9, 3.250), (0.9, 29, 1.699), (0.95, 29, 2.045)],
)
def test_the_quantiles_are_those_of_printed_tables(level: float, freedom: int, t: float) -> None:
    assert find_reach(level, freedom) == pytest.approx(t, abs=5e-4)
    assert find_p_value(-t, 1.0, freedom) == pytest.approx(1 - level, abs=5e-4)


@pytest.mark.parametrize(("t", "freedom"), [(0.3, 3), (2.5, 9), (7.0, 29)])
def test_the_p_value_is_the_area_of_both_tails(t: float, freedom: int) -> None:
    x = np.linspace(-t, t, 200_001)
    constant = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    within = np.trapezoid(constant * (1 + x**2 / freedom) ** (-(freedom + 1) / 2), x)
    assert find_p_value(t * 0.01, 0.01, freedom) == pytest.approx(1 - within, rel=1e-4, abs=1e-9)


def test_without_any_spread_the_p_value_is_0_or_1() -> None:
    assert find_p_value(0.0, 0.0, 9) == 1
    assert find_p_value(-1e-9, 0.0, 9) == 0


def test_nothing_that_starts_a_command_loads_scipy_stats() -> None:
    code = (
        "import sys, charloop.cli.main, charloop.cli.flags.training, charloop.evaluation, charloop.training.run,"
        " charloop.cli.terminal.training_screen; assert 'jax' in sys.modules; print('scipy.stats' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
