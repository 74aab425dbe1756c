"""The text of the tiny runs, and one run that many tests look at."""

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from charloop.training import step
from training.runs import TEXT, Run, configure, run


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "eleven.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, text: Path) -> Run:
    """A run beyond the end of an epoch, with dropout, never stopped."""
    config = configure(text, steps=40, eval_every=10)
    return run(tmp_path_factory.mktemp("runs") / "whole", config)


_STEPS: dict[str, Any] = defaultdict(lambda: lru_cache(maxsize=64)(step.shared_steps.__wrapped__))
"""By what is replaced in them. The package itself keeps 16, fewer than these tests have settings."""
step.shared_steps = _STEPS["nothing"]


@pytest.fixture
def separate_programs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`separate_programs("nan")`: compiled steps are shared only by tests that replace the same part of them."""
    return lambda name: monkeypatch.setattr(step, "shared_steps", _STEPS[name])
