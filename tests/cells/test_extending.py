"""docs/extending.md is correct: its code and its commands run in the order of the page, and its names exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cells.table import EXAMPLES
from charloop.training.loggers import LOGGERS

ROOT = EXAMPLES.parent
PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MANY = """
import shlex, sys
from charloop.cli.main import main
for line in sys.stdin:
    main(shlex.split(line)[1:]) == 0 or sys.exit("failed: " + line)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a text, and the file that the page says to save, with the examples' cells added."""
    (tmp_path / "book.txt").write_text("The cat sat on the mat. The dog sat on the log.\n" * 40)
    for _, name, code in BLOCKS:
        if name:
            (tmp_path / name).write_text(code + (EXAMPLES / name).read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    # A logger of the page's is not to be one of the next test's.
    monkeypatch.setattr("charloop.training.loggers.LOGGERS", dict(LOGGERS))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_code_runs_in_the_order_it_is_read():
    namespace = {"__name__": "extending"}
    for number, (language, _, code) in enumerate(BLOCKS):
        if language == "python":
            exec(compile(code, f"docs/extending.md, block {number + 1}", "exec"), namespace)
    assert namespace["CORPUS"].name == "counting"


@pytest.mark.slow
def test_the_commands_run_and_a_run_asks_for_its_cell_again(folder: Path):
    lines = [line for language, _, code in BLOCKS if language == "bash" for line in code.splitlines()]
    assert len(lines) >= 4
    assert all(line.startswith("charloop ") for line in lines)
    refused = "charloop sample runs/leaky"
    command = [sys.executable, "-c", MANY]
    done = subprocess.run(command, input="\n".join([*lines, refused]), capture_output=True, text=True)
    *_, error, failed = done.stderr.splitlines()
    assert failed == f"failed: {refused}", done.stderr
    assert "--cell" in error
    assert (folder / "runs/skip/model.safetensors").is_file()


def test_every_file_the_page_names_exists():
    named = set(re.findall(r"`((?:src|tests)/[\w/.]+)`", PAGE))
    assert len(named) >= 6
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_page_names_the_tables_to_add_a_line_to():
    locations = {
        "CELLS": "src/charloop/cells/__init__.py",
        "UNROLLINGS": "src/charloop/unroll/__init__.py",
        "make_filters": "src/charloop/sampling/filters.py",
        "VARIANTS": "tests/cells/table.py",
        "EQUATIONS": "tests/cells/oracle.py",
    }
    for name, path in locations.items():
        assert f"`{name}`" in PAGE
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text("utf-8")), path
