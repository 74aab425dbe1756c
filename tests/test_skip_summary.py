"""Tests that were skipped are listed and counted at the end of a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skip_summary import describe_skips, pytest_terminal_summary

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


@pytest.mark.slow
def test_skips_of_all_workers_are_listed_by_reason_and_counted(tmp_path: Path) -> None:
    (tmp_path / "test_first.py").write_text(FIRST)
    (tmp_path / "test_second.py").write_text(SECOND)
    call = [sys.executable, "-m", "pytest", "-q", "-p", "skip_summary", "-p", "no:cacheprovider", "-n", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    (start,) = (number for number, line in enumerate(lines) if "skipped tests: 5" in line)
    assert lines[start + 1 : start + 3] == EXPECTED


def test_without_skips_there_is_no_list() -> None:
    assert [*describe_skips([])] == []


def test_this_suite_has_the_summary(pytestconfig: pytest.Config) -> None:
    conftest = pytestconfig.pluginmanager.get_plugin(str(Path(__file__).with_name("conftest.py")))
    assert conftest.pytest_terminal_summary is pytest_terminal_summary
