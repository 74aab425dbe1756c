"""Long lines: at a terminal wrapped at spaces, beside their labels; in a file or pipe, each stays one line."""

import io
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.cli.terminal.output import print_lines, print_notes, terminal_columns, wrap_line
from cli.commands import call

NOTE = "skipped 3 characters that are not in the vocabulary; it was trained on another text"


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.lists(st.text("abc-/.", min_size=1, max_size=15), min_size=1, max_size=30), st.integers(32, 120))
def test_words_stay_whole_and_lines_fit(words: list[str], columns: int) -> None:
    line = "note        " + " ".join(words)
    first, *others = wrap_line(line, columns).split("\n")
    assert all(len(one) <= columns for one in (first, *others))
    assert all(one.startswith(" " * 12) for one in others)
    assert " ".join([first[12:], *(one[12:] for one in others)]).split() == words
    assert first.startswith("note        ")


@pytest.mark.parametrize(
    "line", ["short", "gru      0.5000  0.4 to 0.6  -", "baselines   a 1\n            b 2"]
)
def test_short_lines_rows_of_tables_and_wrapped_lists_stay_as_they_are(line: str) -> None:
    assert wrap_line(line, 20) == line


@pytest.mark.parametrize("columns", [40, 60])
def test_only_a_terminal_gets_wrapped_lines(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_lines([f"note        {NOTE}"])
    print_notes([NOTE])
    written = capsys.readouterr()
    assert (written.out, written.err) == (f"note        {NOTE}\n", f"note: {NOTE}\n")
    shown = FakeTerminal()
    monkeypatch.setattr("sys.stderr", shown)
    print_notes([NOTE])
    first, second, *_ = shown.getvalue().splitlines()
    assert first.startswith("note: skipped 3 characters that are")
    assert second.startswith("      ")
    assert all(len(line) <= columns for line in shown.getvalue().splitlines())


def test_the_width_is_that_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    widths = {5: os.terminal_size((50, 24))}

    def size(number: int) -> os.terminal_size:
        if number not in widths:
            raise OSError
        return widths[number]

    monkeypatch.setattr(os, "get_terminal_size", size)
    stream = FakeTerminal()
    monkeypatch.setattr(stream, "fileno", lambda: 5)
    assert terminal_columns(stream) == 50
    monkeypatch.delattr(stream, "fileno")
    assert terminal_columns(stream) == 80


@pytest.mark.parametrize(
    "command",
    [
        "eval RUN --text the%quick§brown§fox§jumps --unknown skip",
        "verify RUN",
        "info RUN",
        "compare RUN RUN --limit 100",
        "baselines BOOK --documents line",
    ],
)
def test_each_command_prints_its_lines_so(
    command: str, trained: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"RUN": str(trained), "BOOK": str(book)}
    arguments = [names.get(word, word.replace("%", " ")) for word in command.split()]
    plain = call(*arguments).out.splitlines()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("cli.commands.io.StringIO", FakeTerminal)
    shown = call(*arguments).out.splitlines()
    texts = {line: re.sub(r"^ *(\S+ ?\S*  +)?", "", line) for line in shown if len(line) > 40}
    too_long = [line for line, text in texts.items() if " " in text and "  " not in text]
    assert too_long == []
    assert len(shown) > len(plain), shown
