"""A user-defined cell from a file: stored in a run, loaded from it, and the error if it is missing."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands import BRIEF, Outcome, assert_refused, call, done, prints, refused
from cli.conftest import EXAMPLE, Plan

CELL = """
from pathlib import Path
from charloop.cells.lstm import LSTM

Path("was-run").touch()


class Mine(LSTM):
    '''An LSTM by another name.'''
"""


@pytest.fixture(scope="module")
def own(book: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a cell in a file, beside a folder `run` that was trained with it."""
    folder = tmp_path_factory.mktemp("own")
    cell = f"{folder / 'cells.py'}:Mine"
    (folder / "cells.py").write_text(CELL)
    with contextlib.chdir(folder):
        out = done(call("train", str(book), *BRIEF, "--cell", cell, "--output", "run"))
        assert f"more:    charloop sample run --cell {cell} --length 1000" in out
        Path("was-run").unlink()
    return cell


@pytest.fixture
def in_own_folder(own: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run a test in the folder of `own`, where the cell's code makes `was-run` if anything runs it."""
    monkeypatch.chdir(Path(own).parent)
    yield Path(own).parent
    Path("was-run").unlink(missing_ok=True)


def test_a_runs_own_cell_is_not_run_unasked(in_own_folder: Path) -> None:
    before = prints(in_own_folder)
    for command in (("sample",), ("eval",), ("train", "--steps", "20", "--resume")):
        outcome = call(*command, "run")
        assert_refused(outcome, "a cell of its own, Mine", do="add --cell run/cell.py:Mine")
    assert "Mine" in done(call("info", "run"))
    assert prints(in_own_folder) == before


def test_a_run_with_a_cell_of_its_own_is_used_with_that_cell(own: str) -> None:
    shutil.copytree(Path(own).parent / "run", "run")
    text = done(call("sample", "run", "--cell", own, "--length", "30"))
    assert text == done(call("sample", "run", "--cell", "run/cell.py:Mine", "--length", "30"))
    assert "nats/char" in done(call("eval", "run", "--cell", own))
    out = done(call("train", "--resume", "run", "--cell", own, "--steps", "20"))
    assert "continues after step 16" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cell file not found: got 'cells.py'"),
        ("1 / 0", "cells.py does not run (ZeroDivisionError: division by zero)"),
        ("def (", "cells.py does not run (SyntaxError: "),
        ("raise ValueError('two\\nlines')", "cells.py does not run (ValueError: two lines)"),
        ("raise SystemExit(3)", "cells.py does not run (SystemExit: 3)"),
        ("class Other: ...", "unknown cell in cells.py: got 'Mine'"),
        ("Mine = 3", "unknown cell in cells.py: got 'Mine'"),
        (CELL.replace("class Mine", "class Myne"), "did you mean 'Myne'?"),
    ],
)
def test_a_cell_file_that_does_not_define_the_cell(content: str | None, message: str, book: Path) -> None:
    if content is not None:
        Path("cells.py").write_text(content)
    line = refused(call("train", str(book), *BRIEF, "--cell", "cells.py:Mine", "--output", "run"))
    assert message in line
    assert not Path("run").exists()


@pytest.mark.skipif(not Path(EXAMPLE.rpartition(":")[0]).exists(), reason="an installed copy has no examples")
def test_the_shipped_example(example: tuple[Path, Outcome]) -> None:
    assert f"model    {EXAMPLE}, 1 x 12" in done(example[1])
    assert done(call("sample", str(example[0]), "--cell", EXAMPLE, "--length", "9")).count("") > 9


def test_the_settings_of_a_run_name_no_code_that_is_run(own: str, in_own_folder: Path, plan: Plan) -> None:
    """A run from anywhere brings its config.json."""
    flags = ("--config", "run/config.json", "--output", "new")
    line = refused(call("train", "book.txt", *flags))
    assert line.startswith(
        "run/config.json is of a run with a cell of its own, and a run's code is not executed unasked"
    )
    assert line.endswith("add --cell cells.py:Mine")
    assert not (in_own_folder / "was-run").exists()
    assert plan(*flags, "--cell", own)["cell"] == own


WRONG = """
from dataclasses import dataclass
from charloop import Cell

@dataclass(frozen=True)
class Wrong(Cell):
    gates = 1
    def step(self, params, inputs, state):
        return {BODY}
"""


@pytest.mark.parametrize(
    ("body", "beginning"),
    [
        ("inputs", "Wrong.step: wrong result: got float32[1, 15]; allowed: a tuple (new state, output)"),
        ("{}, inputs", "Wrong.step: wrong new state: got {}; allowed: {'hidden': float32[1, 12]}"),
        ("state, inputs + state['c']", "Wrong.step raises KeyError: 'c' ("),
    ],
)
def test_a_wrong_step_is_refused_in_one_line(body: str, beginning: str, book: Path) -> None:
    Path("cells.py").write_text(WRONG.replace("{BODY}", body))
    own = "cells.py:Wrong"
    for command in (
        ("train", str(book), *BRIEF, "--cell", own, "--output", "run"),
        ("sweep", str(book), *BRIEF, "--cells", f"rnn,{own}", "--output", "run"),
        ("cells", "--explain", own, "--hidden-size", "12"),
    ):
        assert refused(call(*command)).startswith(beginning)
    assert not Path("run").exists()
