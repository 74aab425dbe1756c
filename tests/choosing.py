"""Which of many cases run each time: the others run in the slow suite."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], quick: Callable[[Any], bool]) -> list[Any]:
    """All of `cases`, each an argument or a tuple of them; those that are not `quick` in the slow suite only."""
    return [case if quick(case) else slow(case) for case in cases]


def slow(case: Any) -> Any:
    """A case for the slow suite."""
    return pytest.param(*(case if type(case) is tuple else (case,)), marks=pytest.mark.slow)
