"""A user-defined cell from a file: stored in a run, loaded from it, and the error if it is missing."""

from pathlib import Path

import pytest

from cli.commands import BRIEF, call, done, prints, process, refused

CELL = """
from pathlib import Path
from charloop.cells.lstm import LSTM

Path("was-run").touch()


class Mine(LSTM):
    '''An LSTM by another name.'''
"""
EXAMPLES = Path(__file__).parents[2] / "examples" / "my_cells.py"


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "cells.py"
    file.write_text(CELL)
    return f"{file}:Mine"


def test_a_run_with_a_cell_of_its_own(own: str, book: Path, tmp_path: Path) -> None:
    out = done(call("train", str(book), *BRIEF, "--cell", own, "--output", "run"))
    assert f"more:    charloop sample run --cell {own} --length 1000" in out
    (tmp_path / "was-run").unlink()

    before = prints(tmp_path)
    for command in (("sample",), ("eval",), ("train", "--steps", "20", "--resume")):
        line = refused(call(*command, "run"))
        assert line.startswith(
            "run was trained with a cell of its own, Mine, and a run's code is not executed unasked"
        )
        assert line.endswith("or read run/cell.py and add --cell run/cell.py:Mine")
    assert "Mine" in done(call("info", "run"))
    assert prints(tmp_path) == before, "nothing may run a run's code unasked"

    text = done(call("sample", "run", "--cell", own, "--length", "30"))
    assert text == done(
        process("sample", "run", "--cell", "run/cell.py:Mine", "--length", "30", "--seed", "0")
    )
    assert "nats/char" in done(call("eval", "run", "--cell", own))
    out = done(call("train", "--resume", "run", "--cell", own, "--steps", "20"))
    assert "continues after step 16" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cell file not found: got 'cells.py'"),
        ("1 / 0", "cells.py does not run (ZeroDivisionError: division by zero)"),
        ("def (", "cells.py does not run (SyntaxError: "),
        ("raise SystemExit(3)", "cells.py does not run (SystemExit: 3)"),
        ("class Other: ...", "unknown cell in cells.py: got 'Mine'"),
        ("Mine = 3", "unknown cell in cells.py: got 'Mine'"),
        (CELL.replace("class Mine", "class Myne"), "did you mean 'Myne'?"),
    ],
)
def test_a_cell_that_is_not_there(content: str | None, message: str, book: Path) -> None:
    if content is not None:
        Path("cells.py").write_text(content)
    line = refused(call("train", str(book), *BRIEF, "--cell", "cells.py:Mine", "--output", "run"))
    assert message in line
    assert not Path("run").exists()


def test_the_program_says_the_same(book: Path) -> None:
    Path("cells.py").write_text("raise ValueError('two\\nlines')")
    line = refused(process("train", str(book), "--cell", "cells.py:Mine"))
    assert line == "cells.py does not run (ValueError: two lines)"


@pytest.mark.skipif(not EXAMPLES.exists(), reason="an installed copy has no examples")
def test_the_shipped_example(book: Path) -> None:
    out = done(call("train", str(book), *BRIEF, "--cell", f"{EXAMPLES}:SkipLSTM", "--output", "run"))
    assert f"model    {EXAMPLES}:SkipLSTM, 1 x 12" in out
    assert done(call("sample", "run", "--cell", f"{EXAMPLES}:SkipLSTM", "--length", "9")).count("") > 9


def test_the_settings_of_a_run_name_no_code_that_is_run(own: str, book: Path, tmp_path: Path) -> None:
    """A run from anywhere brings its config.json."""
    done(call("train", str(book), *BRIEF, "--cell", own, "--output", "run"))
    (tmp_path / "was-run").unlink()
    asked = ("train", str(book), *BRIEF, "--config", "run/config.json", "--output", "new")
    line = refused(call(*asked))
    assert line.startswith(
        "run/config.json is of a run with a cell of its own, and a run's code is not executed unasked"
    )
    assert line.endswith("add --cell cells.py:Mine")
    assert not (tmp_path / "was-run").exists()
    done(call(*asked, "--cell", own))


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
