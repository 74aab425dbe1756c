"""What `charloop bench` prints and writes, on networks so small that their times mean nothing."""

import json
from pathlib import Path

import pytest

from charloop.cli.commands.bench import BENCHMARKS, MOVED
from cli.commands import call, done, process, refused

ROOT = Path(__file__).parents[2]
SIZES = ("--cell", "rnn", "--num-layers", "1", "--hidden-size", "4", "--batch-size", "2", "--seq-length", "3")


def test_speed_prints_characters_per_second_and_writes_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    few = ("--repeats", "2", "--num-samples", "3", "--length", "20", "--output", str(file))
    lines = done(call("bench", "speed", *SIZES, *few)).splitlines()
    written = json.loads(file.read_text())
    names = ["training", "sampling, 3 texts"]
    assert [speed["name"] for speed in written["speeds"]] == names
    assert "rnn, 1 x 4, batch 2, 3 characters a step" in lines
    for line, speed in zip(lines[4:6], written["speeds"], strict=True):
        assert line.startswith(f"{speed['name']} ")
        assert f" {speed['median']:,.0f} " in line
        assert len(speed["rates"]) == 2
    assert written["setting"]["seq_length"] == 3
    assert lines[-1] == f"all figures: {file}"


def test_a_results_file_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text("mine")
    for benchmark in BENCHMARKS:
        assert "already exists" in refused(call("bench", benchmark, *SIZES, "--output", str(file)))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", MOVED)
def test_a_benchmark_that_moved_says_where_it_went(name: str) -> None:
    line = refused(call("bench", name, "--rounds", "3"))
    assert f"python -m bench.{name}" in line
    assert (ROOT / "bench" / f"{name}.py").exists()


@pytest.mark.slow
def test_unroll_times_each_that_can_run_the_cell(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    out = done(process("bench", "unroll", *SIZES, "--repeats", "2", "--output", str(file)))
    written = json.loads(file.read_text())
    timings = written["timings"]
    assert [timing["unrolling"] for timing in timings] == ["static", "dynamic", "scan", "xla", "fused"]
    assert all(len(timing["steps"]) == 2 and timing["compile"] > 0 for timing in timings)
    assert written["setting"]["seq_length"] == 3
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[-7:-2]] == ["static", "dynamic", "scan", "xla", "fused"]
    assert lines[-3][-1] == "1.00x"


def test_unroll_prints_a_line_for_each_unrolling(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    few = ("--unrollings", "scan", "--repeats", "2", "--output", str(file))
    lines = done(call("bench", "unroll", *SIZES, *few)).splitlines()
    (timing,) = json.loads(file.read_text())["timings"]
    assert lines[4].split()[0] == "scan"
    assert f"{timing['median'] * 1e3:.1f} ms" in lines[4]
    assert not lines[4].endswith("x"), "there is no fused to compare with"
