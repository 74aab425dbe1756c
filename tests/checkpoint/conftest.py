"""A run's folder after a short training; made once, copied for each test."""

import shutil
from pathlib import Path

import pytest

from training.runs import TEXT, configure, run


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "text.txt").write_text(TEXT)
    return run(folder / "run", configure(folder / "text.txt", steps=2)).folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "run"))
