"""The bench cannot flatter: programs take turns, a ratio is of one round, work is counted once."""

import sys
from pathlib import Path

import pytest

from bench.programs import PEERS, Process, Program, find_programs
from bench.rounds import Timing, add_ratios, time_programs

LOGGING = """
def build(setting):
    print("a library that talks")
    def step():
        with open({log!r}, "a") as file:
            file.write({name!r})
    return step, {{"python": "x"}}
"""


def write_program(folder: Path, name: str, program: str, requirements: str | None = None) -> Path:
    home = folder / name
    home.mkdir()
    (home / "peer.py").write_text(program)
    if requirements is not None:
        (home / "requirements.txt").write_text(requirements)
    return home


def measured(folder: Path, rounds: int, steps: int = 1) -> list[Timing]:
    programs = find_programs("peer", folder)
    return time_programs({"cell": "lstm"}, 10**6, programs, rounds, steps, show=lambda _: None)


def test_programs_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("a", "b"):
        write_program(tmp_path, name, LOGGING.format(log=str(log), name=name))
    timings = measured(tmp_path, rounds=3, steps=2)
    assert log.read_text() == "ab" + "aaabbb" * 3
    assert [len(timing.steps) for timing in timings] == [6, 6]
    assert [timing.versions for timing in timings] == [{"python": "x"}] * 2


def test_a_folder_may_hold_several_programs(tmp_path: Path) -> None:
    home = write_program(tmp_path, "b", "", requirements="far")
    (home / "peer_scan.py").write_text("")
    (home / "graph.py").write_text("")
    write_program(tmp_path, "a", "")
    found = find_programs("peer", tmp_path)
    assert [program.name for program in found] == ["a", "b", "b_scan"]
    assert found[0].python == Path(sys.executable)
    assert found[1].python == found[2].python == home / ".venv" / "bin" / "python"


def test_a_program_can_import_the_files_beside_it(tmp_path: Path) -> None:
    home = write_program(tmp_path, "a", "import graph\ndef build(setting): return graph.step, {}")
    (home / "graph.py").write_text("def step(): pass")
    (timing,) = measured(tmp_path, rounds=1)
    assert (timing.missing, len(timing.steps)) == (None, 1)


def test_charloop_comes_first_and_is_always_measured(tmp_path: Path) -> None:
    for name in ("a", "charloop", "z"):
        write_program(tmp_path, name, "")
    assert [program.name for program in find_programs("peer", tmp_path)] == ["charloop", "a", "z"]
    assert [program.name for program in find_programs("peer", tmp_path, ["z"])] == ["charloop", "z"]
    with pytest.raises(SystemExit, match=r"no program trch in .*; there are: a, charloop, z"):
        find_programs("peer", tmp_path, ["a", "trch"])


def test_a_program_without_its_environment_is_not_measured(tmp_path: Path) -> None:
    write_program(tmp_path, "far", "raise SystemExit", requirements="far")
    (timing,) = measured(tmp_path, rounds=1)
    assert (timing.steps, timing.missing) == ([], "not installed: make peers")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("def build(setting): raise NotImplementedError('no ' + setting['cell'])", "no lstm"),
        ("def build(setting): raise ValueError('too odd')", "ended with exit code 1: ValueError: too odd"),
        (
            "def build(setting): return (lambda n=iter('ab'): next(n)), {}",
            "ended with exit code 1: StopIteration",
        ),
    ],
)
def test_a_program_that_cannot_run_says_why(tmp_path: Path, program: str, why: str) -> None:
    write_program(tmp_path, "poor", program)
    assert measured(tmp_path, rounds=2)[0].missing == why


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    ours = Timing("charloop", steps=[1.0, 1.0, 4.0, 4.0, 1.0, 1.0])
    theirs = Timing("x", steps=[2.0, 2.0, 8.0, 8.0, 9.0, 9.0])
    missing = Timing("y", missing="why")
    add_ratios([ours, theirs, missing], operations=1000, matrix_rate=1e9, steps=2)
    assert (ours.ratio, theirs.ratio, missing.ratio) == (1.0, 2.0, None)
    assert theirs.matrix_rate == 1000 / 8.0 / 1e9


STEP = {"hidden_size": 4, "embed_size": 4, "num_layers": 2, "batch_size": 2, "seq_length": 3, "vocab_size": 5}
LAYER = {"steps": 3, "batch": 2, "units": 4}


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", ["lstm", "gru", "rnn", "ln-lstm", f"{PEERS.parents[1]}/examples/my_cells.py:SkipLSTM"]
)
@pytest.mark.parametrize("name", ["scan", "charloop"])
def test_the_programs_of_a_step_run_here(name: str, cell: str) -> None:
    """The others need libraries that a test may not ask for."""
    (program,) = (p for p in find_programs("peer") if p.name == name)
    assert examine(program, STEP | {"cell": cell}) is None


@pytest.mark.slow
def test_bfloat16_and_lstm_run_beside_charloop() -> None:
    programs = {program.name: program for program in find_programs("peer")}
    assert examine(programs["charloop_lstm"], STEP | {"cell": "gru"}) is None
    assert examine(programs["charloop_lstm"], STEP | {"cell": "lstm"}) == "charloop's cell is lstm already"
    assert examine(programs["charloop_bfloat16"], STEP | {"cell": "gru"}) is None


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("name", ["charloop", "charloop_one_core"])
def test_the_programs_of_a_layer_run_here(name: str, lengths: bool) -> None:
    (program,) = (p for p in find_programs("layer") if p.name == name)
    assert examine(program, LAYER | {"cell": "gru", "lengths": lengths}) is None


@pytest.mark.slow
def test_our_own_program_writes_text() -> None:
    network = {"cell": "lstm", "num_layers": 1, "hidden_size": 4, "embed_size": 4}
    sizes = {"num_samples": 3, "length": 30, "vocab_size": 65, "filters": {"temperature": 0.8}}
    assert examine(find_programs("sample")[0], network | sizes) is None


def examine(program: Program, setting: dict[str, object]) -> str | None:
    """Build the program, make two steps, and return what it says is missing."""
    process = Process(program, setting)
    try:
        if process.missing is None:
            assert len(process.time_steps(2)) == 2
        return process.missing
    finally:
        process.close()
