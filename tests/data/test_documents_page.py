"""docs/documents.md is true: its commands and its code run in the order in which they are read."""

import random
import re
import shlex
from pathlib import Path

import pytest

from cli.commands import SMALL_RUN, call
from cli.conftest import text_of

PAGE = (Path(__file__).parents[2] / "docs/documents.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SYLLABLES = ["an", "be", "Ka", "do", "el", "fi"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the page names."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    names = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(600)]
    lines = text_of(120, seed=2).splitlines()
    stanzas = ["\n".join(lines[start : start + 3]) for start in range(0, 120, 3)]
    Path("names.txt").write_text("\n".join(names))
    Path("poems.txt").write_text("\n\n".join(stanzas))
    Path("recipes.txt").write_text("\n---\n".join(stanzas))
    Path("log.txt").write_text("\n".join(lines))
    Path("today.txt").write_text("\n".join([*lines[:5], "qqqqvvvvv"]))
    Path("mixed.txt").write_text("\n".join([*names[:2], *lines[:2]]))
    Path("new.txt").write_text("read_bytes\nHTTPConnectionError\n")
    Path("poems").mkdir()
    for number, stanza in enumerate(stanzas):
        Path(f"poems/{number:02}.txt").write_text(stanza + "\n")


@pytest.mark.usefixtures("files")
def test_the_commands_and_the_code_run_in_the_order_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "documents"}
    written = ""
    for number, (language, code) in enumerate(BLOCKS):
        if language == "python":
            exec(compile(code, f"docs/documents.md, block {number + 1}", "exec"), namespace)
            written += capsys.readouterr().out
            continue
        for line in code.splitlines():
            arguments = shlex.split(line)
            assert arguments[0] == "charloop"
            small = [*SMALL_RUN[2:], "--eval-every", "10"] if arguments[1] == "train" else []
            outcome = call(*arguments[1:], *small)
            assert outcome.code == 0, outcome.err
    assert "name" in written
    assert "left out" in written
