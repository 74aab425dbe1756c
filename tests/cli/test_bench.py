"""What `charloop bench` prints and writes, on networks so small that their times mean nothing."""

import json
from pathlib import Path

import pytest

from cli.commands import done, process, refused

TINY = ("--settings", "S3", "--cells", "rnn", "--hidden-size", "4", "--seq-length", "3", "--rounds", "1")
PEER = "def build(setting): return (lambda: None), {'peer': '1'}"


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    for name, program in (
        ("quick", PEER),
        ("poor", "def build(setting): raise NotImplementedError('no cells')"),
    ):
        (tmp_path / "peers" / name).mkdir(parents=True)
        (tmp_path / "peers" / name / "peer.py").write_text(program)
    return tmp_path / "peers"


def test_train_prints_a_table_and_writes_every_figure(peers: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    out = done(process("bench", "train", *TINY, "--peers", str(peers), "--output", str(file)))
    assert "S3: rnn, 2 x 4, batch 50, 3 characters a step" in out
    ours, halves, lstm, poor, quick = (line.split() for line in out.splitlines()[4:9])
    assert halves[0] == "bfloat16"
    assert lstm[0] == "lstm"
    assert lstm[-2].endswith("x")
    assert (ours[0], ours[-2]) == ("charloop", "1.00x")
    assert poor == ["poor", "not", "measured:", "no", "cells"]
    written = json.loads(file.read_text())
    rows = {row["program"]: row for row in written["results"][0]["rows"]}
    assert [len(rows[name]["steps"]) for name in ("charloop", "poor", "quick")] == [8, 0, 8]
    assert len(rows["lstm"]["steps"]) == 8
    assert rows["quick"]["versions"] == {"peer": "1"}
    assert 0 < rows["quick"]["ratio"] < 1
    assert quick[-2] == f"{rows['quick']['ratio']:.2f}x"
    assert written["machine"].keys() >= {"processor", "cores", "jax", "commit"}
    assert written["results"][0]["setting"]["seq_length"] == 3


@pytest.mark.slow
def test_train_without_peers_says_so_and_names_its_file(tmp_path: Path) -> None:
    out = done(process("bench", "train", *TINY, cwd=tmp_path))
    assert "charloop alone: there are no peers in bench/peers" in out
    (file,) = tmp_path.iterdir()
    assert out.endswith(f"every figure: {file.name}\n")


def test_train_never_writes_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text("mine")
    assert "--output is there already" in refused(process("bench", "train", *TINY, "--output", str(file)))
    assert file.read_text() == "mine"


def test_train_tells_at_once_of_a_place_it_cannot_write(tmp_path: Path) -> None:
    place = str(tmp_path / "nowhere" / "x.json")
    assert f"cannot save {place}" in refused(process("bench", "train", *TINY, "--output", place))


@pytest.mark.slow
def test_sample_prints_characters_a_second_and_writes_every_figure(peers: Path, tmp_path: Path) -> None:
    (peers / "quick" / "sample.py").write_text(PEER)
    file = tmp_path / "figures.json"
    few = ("--networks", "2x128", "--num-samples", "1", "2", "--length", "40", "--rounds", "2")
    out = done(process("bench", "sample", *few, "--peers", str(peers), "--output", str(file)))
    assert "lstm, 2 x 128, one text of 40 characters" in out
    assert "lstm, 2 x 128, 2 texts at once of 40 characters" in out
    written = json.loads(file.read_text())
    assert written["filters"]["top_p"] == 0.95
    for result in written["results"]:
        ours, quick = result["rows"]
        assert (ours["program"], quick["program"]) == ("charloop", "quick")
        speed = result["setting"]["num_samples"] * 40 / ours["median"]
        assert f"{speed:,.0f}" in out
    assert len(written["results"]) == 2


def test_sample_of_an_unknown_network_is_refused() -> None:
    assert "unknown network: got '2x129'; allowed: 1x512, 2x128" in refused(
        process("bench", "sample", "--networks", "2x129")
    )


@pytest.mark.slow
def test_unroll_times_each_that_can_run_the_cell(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    sizes = ("--num-layers", "1", "--hidden-size", "4", "--batch-size", "2", "--seq-length", "3")
    out = done(process("bench", "unroll", *sizes, "--repeats", "2", "--output", str(file)))
    written = json.loads(file.read_text())
    timings = written["timings"]
    assert [timing["unrolling"] for timing in timings] == ["static", "dynamic", "scan", "xla", "fused"]
    assert all(len(timing["steps"]) == 2 and timing["compile"] > 0 for timing in timings)
    assert written["setting"]["seq_length"] == 3
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[-7:-2]] == ["static", "dynamic", "scan", "xla", "fused"]
    assert lines[-3][-1] == "1.00x"


def test_encode_prints_a_table_and_writes_every_figure(tmp_path: Path) -> None:
    file, own = tmp_path / "figures.json", tmp_path / "own.txt"
    own.write_text("a text of one's own, twice\n" * 2)
    few = ("--texts", "german", str(own), "--megabytes", "1", "--rounds", "2", "--folder", str(tmp_path))
    out = done(process("bench", "encode", *few, "--output", str(file)))
    written = json.loads(file.read_text())
    names = ["charloop, char", "charloop, byte", "copying", "decoding"]
    for result in written["results"]:
        rows = {row["program"]: row for row in result["rows"]}
        assert list(rows) == names
        assert all(len(row["seconds"]) == 2 for row in rows.values())
        ratio = rows["charloop, char"]["bytes_a_second"] / rows["copying"]["bytes_a_second"]
        assert f"{ratio:.2f}x" in out
    assert written["results"][1]["rows"][0]["size"] == own.stat().st_size
    assert abs(written["results"][0]["rows"][0]["size"] - 10**6) < 1000
    assert written["machine"].keys() >= {"processor", "cores", "numpy", "commit"}
    assert {path.name for path in tmp_path.iterdir()} == {"figures.json", "own.txt"}  # it cleans up


def test_encode_of_an_unknown_text_is_refused() -> None:
    assert "unknown text: got 'germn'" in refused(process("bench", "encode", "--texts", "germn"))
    assert "--rounds: got 1" in refused(process("bench", "encode", "--rounds", "1"))
    assert "--folder: no such folder" in refused(process("bench", "encode", "--folder", "nowhere"))


def test_memory_shows_what_is_held_and_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    few = ("--settings", "S3", "--cells", "lstm", "--hidden-size", "8", "--unrollings", "fused")
    out = done(process("bench", "memory", *few, "--output", str(file)))
    (row,) = json.loads(file.read_text())["results"][0]["rows"]
    assert row["ratio"] == row["working"] / row["needed"]
    assert out.splitlines()[-3].split()[-3:-1] == [f"{row['ratio']:.2f}x", f"{row['state'] / 1e6:,.1f}"]


def test_memory_of_an_unknown_unrolling_is_refused() -> None:
    assert "unknown unrolling: got 'scam'" in refused(process("bench", "memory", "--unrollings", "scam"))


@pytest.mark.slow
def test_lstm_beside_itself_is_not_timed(tmp_path: Path) -> None:
    lstm = [word.replace("rnn", "lstm") for word in TINY]
    out = done(process("bench", "train", *lstm, "--against", "charloop", "lstm", cwd=tmp_path))
    assert "not measured: charloop's cell is lstm already" in out
