"""What `python -m bench.encode` prints and writes."""

import json
from pathlib import Path

import pytest

from bench.encode import main


def test_a_table_is_printed_and_every_figure_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.encode.SETTLE", 0)
    file, own = tmp_path / "figures.json", tmp_path / "own.txt"
    own.write_text("a text of one's own, twice\n" * 2)
    few = ["--texts", "german", str(own), "--megabytes", "1", "--rounds", "2", "--folder", str(tmp_path)]
    main([*few, "--output", str(file)])
    out = capsys.readouterr().out
    written = json.loads(file.read_text())
    for result in written["results"]:
        rows = {row["program"]: row for row in result["rows"]}
        assert [*rows] == ["charloop, char", "charloop, byte", "copying", "decoding"]
        assert all(len(row["seconds"]) == 2 for row in rows.values())
        ratio = rows["charloop, char"]["bytes_a_second"] / rows["copying"]["bytes_a_second"]
        assert f"{ratio:.2f}x" in out
    assert written["results"][1]["rows"][0]["size"] == own.stat().st_size
    assert abs(written["results"][0]["rows"][0]["size"] - 10**6) < 1000
    assert written["machine"].keys() >= {"processor", "cores", "numpy", "commit"}
    assert {path.name for path in tmp_path.iterdir()} == {"figures.json", "own.txt"}, (
        "it deletes what it wrote"
    )


@pytest.mark.parametrize("wrong", [["--texts", "germn"], ["--rounds", "1"], ["--units", "word"]])
def test_wrong_flags_end_it(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert wrong[0] in capsys.readouterr().err
