"""docs/sessions.md is true: its code runs in the order in which it is read."""

import re
from pathlib import Path

import pytest

from charloop import load

PAGE = (Path(__file__).parents[2] / "docs/sessions.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_runs_and_says_what_the_page_says(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/book").symlink_to(trained)
    namespace: dict[str, object] = {"__name__": "sessions"}
    for number, code in enumerate(BLOCKS):
        exec(compile(code, f"docs/sessions.md, block {number + 1}", "exec"), namespace)
    written = capsys.readouterr().out
    (expected,) = load(trained).sample("the old ", length=40, seed=1, temperature=0.8)
    assert written.startswith(f"{expected[:20]}\n{expected[20:]}\n")
    assert re.search(r"^'.' \d+\.\d%$", written, re.MULTILINE)
