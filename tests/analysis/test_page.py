"""docs/analysis.md is true: its code runs in the order in which it is read."""

import re
from pathlib import Path

import numpy as np
import pytest

from charloop import DataConfig, ModelConfig, RunConfig, TrainingConfig, train

PAGE = (Path(__file__).parents[2] / "docs/analysis.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_code_runs_in_the_order_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = np.random.default_rng(0).choice(
        ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "no", "dog\n"], 800
    )
    Path("book.txt").write_text(" ".join(words))
    config = RunConfig(
        DataConfig(("book.txt",), batch_size=4, seq_length=16),
        ModelConfig(num_layers=1, hidden_size=16, embed_size=8),
        TrainingConfig(steps=8, devices=1),
    )
    train(config, "runs/book")
    capsys.readouterr()
    namespace: dict[str, object] = {"__name__": "analysis"}
    for number, code in enumerate(BLOCKS):
        exec(compile(code, f"docs/analysis.md, block {number + 1}", "exec"), namespace)
    said = capsys.readouterr().out
    assert "layer 0, forget: shut" in said
    assert "digit is left out: its marks change 0 and 0 times" in said
    assert "vowel  StateUnit(layer=0" in said
    assert "the last character" in said
