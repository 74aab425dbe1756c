"""From what a user types to a cell: every valid form, and every error with its remedy."""

from pathlib import Path

import pytest

from cells.table import EXAMPLES
from charloop.cells import CELLS, find_cell_options, make_cell
from charloop.cells.gru import GRU, OriginalGRU
from charloop.cells.ln_lstm import LayerNormLSTM
from charloop.cells.lstm import LSTM
from charloop.errors import CharloopError

OWN = '''
from __future__ import annotations

from dataclasses import dataclass

from charloop.cells import Cell
from charloop.cells.rnn import RNN

@dataclass(frozen=True)
class Damped(RNN):
    factor: float = 0.5
    times: int = 1
    word: str = "tanh"
    on: bool = True

    def __post_init__(self):
        if self.times < 1:
            raise ValueError("times must be at least 1")

@dataclass(frozen=True)
class Strict(RNN):
    """A frozen dataclass may add a field without a default."""

    rate: float

class Unfinished(Cell):
    gates = 1

number = 3
'''


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


@pytest.mark.parametrize("name", CELLS)
def test_each_name_makes_its_cell(name):
    cell = make_cell(CELLS, name, 7)
    assert cell.hidden_size == 7
    assert type(cell).__doc__


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("gru", [], GRU(7)),
        ("gru", ["reset_after=true"], GRU(7)),
        ("gru", ["reset_after=false"], OriginalGRU(7)),
        ("gru", ["reset_after=False"], OriginalGRU(7)),
        ("gru", ["reset_after=0"], OriginalGRU(7)),
        ("gru", ["reset_after=true", "reset_after=false"], OriginalGRU(7)),
        ("lstm", ["cap_input=true"], LSTM(7, cap_input=True)),
        ("ln-lstm", [], LayerNormLSTM(7)),
        ("ln-lstm", ["normalize_cell=true"], LayerNormLSTM(7, normalize_cell=True)),
    ],
)
def test_options_reach_the_cell(name, options, expected):
    assert make_cell(CELLS, name, 7, options) == expected


def test_options_are_listed_with_their_defaults():
    found = {
        name: {o: p.default for o, p in find_cell_options(maker).items()} for name, maker in CELLS.items()
    }
    expected = {
        "gru": {"reset_after": True},
        "lstm": {"cap_input": False},
        "ln-lstm": {"normalize_cell": False},
    }
    assert found == {name: expected.get(name, {}) for name in CELLS}


def test_a_file_gives_a_cell_with_typed_options(own):
    """Each option has the type of its field's default, also if the file's annotations are strings."""
    cell = make_cell(CELLS, f"{own}:Damped", 7, ["factor=2", "times=3", "word=7", "on=false"])
    assert vars(cell) == {"hidden_size": 7, "factor": 2.0, "times": 3, "word": "7", "on": False}
    assert [type(value) for value in vars(cell).values()] == [int, float, int, str, bool]


def test_a_file_is_found_from_home_and_from_here(own, monkeypatch):
    monkeypatch.setenv("HOME", str(Path(own).parent))
    monkeypatch.chdir(EXAMPLES)
    assert make_cell(CELLS, "~/own.py:Damped", 7).hidden_size == 7
    assert make_cell(CELLS, "my_cells.py:SkipLSTM", 7).skip_start == 2.0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lstmm", [], "unknown cell: got 'lstmm'.*did you mean 'lstm'.*FILE.py:CLASS"),
        ("own.py", [], "unknown cell: got 'own.py'.*FILE.py:CLASS"),
        ("lstm:LSTM", [], "unknown cell: got 'lstm:LSTM'"),
        ("gru", ["reset_after"], "NAME=VALUE: got 'reset_after'"),
        (
            "gru",
            ["reset_befor=true"],
            "unknown option of the cell gru: got 'reset_befor'; allowed: reset_after; did",
        ),
        ("gru", ["reset_after=maybe"], "option reset_after of the cell: got 'maybe'; allowed: true or false"),
        ("gru", ["reset_after="], "option reset_after of the cell: got ''"),
        ("lstm", ["hidden_size=3"], "unknown option of the cell lstm: got 'hidden_size'"),
        ("nowhere.py:Cell", [], "cell file not found: got 'nowhere.py'; give FILE.py:CLASS"),
        (
            "{own}:Dampd",
            [],
            "unknown cell in .*own.py: got 'Dampd'.*did you mean 'Damped'.*docs/extending.md",
        ),
        ("{own}:number", [], "got 'number'; allowed: Damped, Strict, Unfinished"),
        ("{own}:dataclass", [], "got 'dataclass'; allowed: Damped, Strict, Unfinished"),
        ("{own}:", [], "got ''; allowed: Damped, Strict, Unfinished"),
        (
            "{own}:Damped",
            ["factor=much"],
            "option factor of the cell: got 'much'; allowed: a value of type float",
        ),
        ("{own}:Damped", ["times=1.5"], "option times of the cell: got '1.5'; allowed: a value of type int"),
        ("{own}:Damped", ["times=0"], r"Damped cannot be made \(times must be at least 1\)"),
        ("{own}:Strict", ["rate=1"], "option rate of the cell .*Strict has no default"),
        ("{own}:Strict", [], "Strict cannot be made .*rate"),
        ("{own}:Unfinished", [], "Unfinished cannot be made .*abstract method '?step"),
        ("{own}:Cell", [], "Cell cannot be made .*abstract"),
    ],
)
def test_every_refusal_is_one_line_that_helps(own, name, options, message):
    with pytest.raises(CharloopError, match=message) as refusal:
        make_cell(CELLS, name.format(own=own), 7, options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", r"broken.py does not run \(ZeroDivisionError: division by zero\)"),
        ("def", r"broken.py does not run \(SyntaxError: "),
        ("import no_such_package_anywhere", r"broken.py does not run \(ModuleNotFoundError: "),
    ],
)
def test_a_file_that_does_not_run_says_why(tmp_path, source, message):
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(CharloopError, match=message):
        make_cell(CELLS, f"{tmp_path / 'broken.py'}:Cell", 7)


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(CharloopError, match="cell file not found"):
        make_cell(CELLS, f"{tmp_path / 'folder.py'}:Cell", 7)
