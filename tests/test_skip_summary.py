"""Tests that were skipped are listed and counted at the end, in one process and over several."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIRST = """
import pytest

@pytest.mark.parametrize("case", range(3))
def test_browser(case):
    pytest.skip("no Chromium here")

def test_that_runs():
    pass
"""
SECOND = """
import pytest

@pytest.mark.skipif(True, reason="root may write everywhere")
def test_permissions():
    pass

def test_browser():
    pytest.skip("no Chromium here")
"""
EXPECTED = [
    "    4  no Chromium here: test_first.py (3), test_second.py (1)",
    "    1  root may write everywhere: test_second.py (1)",
]


def end_of_run(folder: Path, *flags: str) -> list[str]:
    """Return what pytest prints for the tests of `folder`, with the summary of skips."""
    call = [sys.executable, "-m", "pytest", "-q", "-p", "skip_summary", "-p", "no:cacheprovider", *flags]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("flags", [(), ("-n", "2")])
def test_skips_are_listed_by_reason_and_counted(tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "test_first.py").write_text(FIRST)
    (tmp_path / "test_second.py").write_text(SECOND)
    lines = end_of_run(tmp_path, *flags)
    (start,) = (number for number, line in enumerate(lines) if "skipped tests: 5" in line)
    assert lines[start + 1 : start + 3] == EXPECTED


def test_without_skips_there_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "test_first.py").write_text("def test_that_runs(): pass")
    assert not [line for line in end_of_run(tmp_path) if "skipped" in line]
