"""The text of the tiny runs, and one run that many tests look at."""

from collections.abc import Iterator
from pathlib import Path

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
    """Over an epoch's end, with dropout, never stopped."""
    config = configure(text, steps=40, eval_every=10)
    return run(tmp_path_factory.mktemp("runs") / "whole", config)


@pytest.fixture
def fresh_programs() -> Iterator[None]:
    """No training step of an earlier test is used, and none of this one later: for tests that replace its parts."""
    step.shared_steps.cache_clear()
    yield
    step.shared_steps.cache_clear()
