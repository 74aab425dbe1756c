"""The text of the tiny runs, and one run that many tests look at."""

from pathlib import Path

import pytest

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
