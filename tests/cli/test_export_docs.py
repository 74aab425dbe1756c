"""docs/export.md is true: the examples of each section run in the order in which they are read."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charloop.exporting import TARGETS
from cli.commands import call, done

PAGE = (Path(__file__).parents[2] / "docs/export.md").read_text("utf-8")
HEAD, *PARTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {part.partition("\n")[0]: part for part in PARTS}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"^<!-- needs (.*) -->$", re.MULTILINE)
"""Programs and Python modules without which a section cannot run."""
FILE_NAME = re.compile(r"(?://|/\*|#|<!--) ([\w.-]+\.\w+)(?: \*/| -->)?\n")
"""The first line of a block that is a file of that name."""


def is_there(name: str) -> bool:
    """Whether there is such a program or Python module."""
    return shutil.which(name) is not None or importlib.util.find_spec(name) is not None


def run_line(line: str) -> str:
    """Run one line of a shell; a command of charloop in this process."""
    arguments = shlex.split(line, comments=True)
    if arguments[:1] == ["charloop"]:
        return done(call(*arguments[1:]))
    ran = subprocess.run(["bash", "-ec", line], capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def run_block(language: str, code: str, namespace: dict[str, object]) -> None:
    """Run the lines of a shell, or Python code; write a block that begins with the name of a file to it."""
    if named := FILE_NAME.match(code):
        Path(named[1]).write_text(code, encoding="utf-8")
    elif language == "bash":
        for line in code.replace("\\\n", " ").splitlines():
            run_line(line)
    else:
        assert language == "python", f"a block of {language} begins with the name of its file, in a comment"
        exec(compile(code, "docs/export.md", "exec"), namespace)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_run(
    section: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SECTIONS[section]
    for name in (name for line in NEEDS.findall(text) for name in line.split()):
        if not is_there(name):
            pytest.skip(f"{name} is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    Path("runs").mkdir()
    shutil.copytree(trained, "runs/book")
    before = set(sys.modules)
    namespace: dict[str, object] = {"__name__": "export"}
    try:
        for language, code in BLOCK.findall(text):
            run_block(language, code, namespace)
    finally:
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]


def test_every_form_has_a_row_and_a_section_with_an_example() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", HEAD, re.MULTILINE)
    assert rows == sorted(TARGETS)
    for name in TARGETS:
        assert f"charloop export runs/book --to {name}" in "".join(
            code for language, code in BLOCK.findall(SECTIONS[name]) if language == "bash"
        )
