"""What `python -m bench.train` prints and writes, with programs that do nothing."""

import json
from pathlib import Path

import pytest

from bench.settings import SETTINGS, sized
from bench.train import least_operations, main

PROGRAM = "def build(setting): return (lambda: None), {'library': '1'}"


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    programs = {
        "charloop": PROGRAM,
        "quick": PROGRAM,
        "poor": "def build(setting): raise NotImplementedError('no cells')",
    }
    for name, program in programs.items():
        (tmp_path / "peers" / name).mkdir(parents=True)
        (tmp_path / "peers" / name / "peer.py").write_text(program)
    return tmp_path / "peers"


def test_a_table_is_printed_and_every_figure_written(
    peers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    sizes = ["--settings", "S3", "--cells", "rnn", "gru", "--hidden-size", "4", "--seq-length", "3"]
    main([*sizes, "--rounds", "1", "--peers", str(peers), "--output", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert "S3: rnn, 2 x 4, batch 50, 3 characters a step" in lines
    assert "S3: gru, 2 x 4, batch 50, 3 characters a step" in lines
    ours, quick, poor = (line.split() for line in lines[4:7])
    assert (ours[0], ours[-2]) == ("charloop", "1.00x")
    assert poor == ["poor", "not", "measured:", "no", "cells"]
    written = json.loads(file.read_text())
    rows = {row["program"]: row for row in written["results"][0]["rows"]}
    assert [len(rows[name]["steps"]) for name in ("charloop", "poor", "quick")] == [8, 0, 8]
    assert rows["quick"]["versions"] == {"library": "1"}
    assert quick[-2] == f"{rows['quick']['ratio']:.2f}x"
    assert written["machine"].keys() >= {"processor", "cores", "jax", "commit"}
    assert [result["setting"]["model"]["cell"] for result in written["results"]] == ["rnn", "gru"]
    assert written["results"][0]["setting"]["seq_length"] == 3


@pytest.mark.parametrize(
    "wrong",
    [["--settings", "S9"], ["--rounds", "0"], ["--seq-length", "8", "0"], ["--against", "trch"]],
)
def test_wrong_flags_end_it_before_anything_is_timed(wrong: list[str], peers: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([*wrong, "--peers", str(peers), "--output", str(tmp_path / "x.json")])
    assert not (tmp_path / "x.json").exists()


def test_the_work_is_counted_by_hand() -> None:
    characters, gates = 6 * 4, 4 * 8
    recurrent = second_input = characters * 8 * gates
    readout, table = characters * 8 * 65, 65 * 8 * gates
    setting = sized(layers=2, hidden=8, batch=4, length=6)
    assert least_operations(setting) == 6 * (2 * recurrent + second_input + readout + table)
    assert least_operations(SETTINGS["S1"]) > least_operations(setting)
