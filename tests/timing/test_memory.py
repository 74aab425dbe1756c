"""What a step needs is counted from the cell's own arithmetic; what it holds is read from the compiled step."""

import json
from pathlib import Path

import pytest

from bench.memory import main, needed_bytes
from bench.settings import SETTINGS, sized


def test_need_is_counted_by_hand() -> None:
    gates, hidden, cell = 4 * 8, 8, 8
    setting = sized(layers=2, hidden=8, batch=4, length=6)
    assert needed_bytes(setting) == 4 * 6 * 4 * (2 * (gates + hidden + cell) + 65)


@pytest.mark.slow
def test_fused_holds_little_more_than_it_needs_and_the_table_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/performance.md wants at most 1.5 times what is needed."""
    file = tmp_path / "figures.json"
    main(["--settings", "S3", "--cells", "lstm", "--unrollings", "fused", "--output", str(file)])
    (row,) = json.loads(file.read_text())["results"][0]["rows"]
    assert row["needed"] == needed_bytes(SETTINGS["S3"])
    assert row["ratio"] == row["working"] / row["needed"]
    assert 1 < row["ratio"] < 1.5
    line = capsys.readouterr().out.splitlines()[-3].split()
    assert line[0] == "fused"
    assert line[-3:-1] == [f"{row['ratio']:.2f}x", f"{row['state'] / 1e6:,.1f}"]
