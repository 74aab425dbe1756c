"""The choice of the cases that run each time; the others run in the slow suite."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], quick: Callable[[Any], bool]) -> list[Any]:
    """Return `cases`, each an argument or a tuple of them. Those that are not `quick` run in the slow suite only."""
    return [case if quick(case) else slow(case) for case in cases]


def slow(case: Any) -> Any:
    """Return a case that runs in the slow suite only."""
    return pytest.param(*(case if type(case) is tuple else (case,)), marks=pytest.mark.slow)
