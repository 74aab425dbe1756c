"""The bench cannot flatter: programs take turns, ratios are of one round, work is counted once."""

import json
import sys
from pathlib import Path

import pytest

from charloop.benchmark import own
from charloop.benchmark.peers import Peer, Process, find_peers
from charloop.benchmark.rounds import Row, summarise
from charloop.benchmark.training import least_operations, sized, time_training

SETTING = sized(layers=2, hidden=8, batch=4, length=6)
LOGGING = """
def build(setting):
    print("a library that talks")
    def step():
        with open({log!r}, "a") as file:
            file.write({name!r})
    return step, {{"python": "x"}}
"""


def write_peer(folder: Path, name: str, program: str, requirements: str | None = None) -> Path:
    home = folder / name
    home.mkdir()
    (home / "peer.py").write_text(program)
    if requirements is not None:
        (home / "requirements.txt").write_text(requirements)
    return home


@pytest.fixture
def pair(tmp_path: Path) -> tuple[list[Peer], Path]:
    log = tmp_path / "log"
    for name in ("a", "b"):
        write_peer(tmp_path, name, LOGGING.format(log=str(log), name=name))
    return find_peers(tmp_path, "peer", own.__file__)[1:], log


def test_programs_take_turns(pair: tuple[list[Peer], Path]) -> None:
    peers, log = pair
    rows = time_training(SETTING, peers, rounds=3, visit=2, say=lambda _: None)
    assert log.read_text() == "ab" + "aaabbb" * 3
    assert [len(row.steps) for row in rows] == [6, 6]
    assert [row.versions for row in rows] == [{"python": "x"}] * 2


def test_a_folder_may_hold_several_peers(tmp_path: Path) -> None:
    home = write_peer(tmp_path, "b", "", requirements="far")
    (home / "peer_scan.py").write_text("")
    (home / "graph.py").write_text("")
    write_peer(tmp_path, "a", "")
    _, *found = find_peers(tmp_path, "peer", own.__file__)
    assert [peer.name for peer in found] == ["a", "b", "b_scan"]
    assert found[1].python == found[2].python == home / ".venv" / "bin" / "python"


def test_a_peer_without_its_environment_is_not_measured(tmp_path: Path) -> None:
    write_peer(tmp_path, "far", "raise SystemExit", requirements="far")
    rows = time_training(
        SETTING, find_peers(tmp_path, "peer", own.__file__)[1:], rounds=1, say=lambda _: None
    )
    assert (rows[0].steps, rows[0].missing) == ([], "not installed: make peers")


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
def test_a_peer_that_cannot_is_told_of(tmp_path: Path, program: str, why: str) -> None:
    write_peer(tmp_path, "poor", program)
    rows = time_training(
        SETTING, find_peers(tmp_path, "peer", own.__file__)[1:], rounds=2, say=lambda _: None
    )
    assert rows[0].missing == why


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    ours = Row("charloop", steps=[1.0, 1.0, 4.0, 4.0, 1.0, 1.0])
    theirs = Row("x", steps=[2.0, 2.0, 8.0, 8.0, 9.0, 9.0])
    missing = Row("y", missing="why")
    summarise([ours, theirs, missing], least_operations(SETTING), rate=1e9, visit=2)
    assert (ours.ratio, theirs.ratio, missing.ratio) == (1.0, 2.0, None)
    assert theirs.matrix_rate == least_operations(SETTING) / 8.0 / 1e9


def test_the_work_is_counted_by_hand() -> None:
    places, gates = 6 * 4, 4 * 8
    recurrent, second_input, readout, table = (
        places * 8 * gates,
        places * 8 * gates,
        places * 8 * 65,
        65 * 8 * gates,
    )
    assert least_operations(SETTING) == 6 * (2 * recurrent + second_input + readout + table)


def test_own_step_runs_in_a_process() -> None:
    (ours,) = find_peers(Path("nowhere"), "peer", own.__file__)
    setting = json.loads(
        '{"cell": "gru", "hidden_size": 4, "batch_size": 2, "seq_length": 3, "vocab_size": 5}'
    )
    process = Process(ours, setting)
    try:
        assert process.missing is None
        assert process.about["versions"].keys() == {"charloop", "jax"}
        assert all(seconds > 0 for seconds in process.visit(2))
    finally:
        process.close()


@pytest.mark.slow
def test_the_scan_peer_runs_here() -> None:
    """The others need libraries that a test may not ask for."""
    program = Path(__file__).parents[2] / "bench" / "peers" / "scan" / "peer.py"
    setting = {
        "hidden_size": 4,
        "embed_size": 4,
        "num_layers": 2,
        "batch_size": 2,
        "seq_length": 3,
        "vocab_size": 5,
    }
    for cell in ("lstm", "gru", "rnn", "ln-lstm", "my.py:SkipLSTM"):
        process = Process(Peer("scan", program, Path(sys.executable)), setting | {"cell": cell})
        process.close()
        assert process.missing is None
