"""Tables as lines: aligned, whole, and as wide as the terminal."""

import subprocess
import sys

import pytest

from charloop.cli.terminal.tables import fit_table, left, right, table_lines

NAMES, HEADS = ["a run", "日本"], ["loss", "steps", "time"]
ROWS = [["1.0", "1,000", "0:01"], ["22.25", "7", "-"]]


def test_numbers_stand_at_the_right_and_words_at_the_left() -> None:
    columns = [left("run", 7), right("loss"), left("mark")]
    assert table_lines(columns, [["a", "1.25", ""], ["b[bold]", "12.50", "best"]]) == [
        "run       loss  mark",
        "a         1.25",
        "b[bold]  12.50  best",
    ]
    # Again: a column keeps nothing of the table that it was in.
    assert table_lines(columns, [["a", "1", "x"]], gap=1, heads=False) == ["a       1 x"]


def test_wide_letters_take_two_columns() -> None:
    (line,) = table_lines([left("", 6), right("")], [["日本", "1"]], heads=False)
    assert line == "日本    1"


@pytest.mark.parametrize(("width", "pieces"), [(25, 1), (24, 2), (19, 2), (18, 3)])
def test_a_table_is_cut_where_the_terminal_ends(
    width: int, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    blocks = fit_table(NAMES, HEADS, ROWS, [1, 2])
    assert [len(block) for block in blocks] == [3] * pieces
    assert all(block[1].startswith("a run") for block in blocks)
    assert [head for block in blocks for head in block[0].split()] == HEADS


def test_a_pipe_gets_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    code = (
        "from charloop.cli.terminal.tables import fit_table\n"
        "for line in fit_table(['n' * 300], ['h' * 300, 'i'], [['1', '2']], [1])[0]: print(line)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [len(line) for line in shown.stdout.splitlines()] == [605, 605]
