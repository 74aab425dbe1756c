"""A run whose text came from standard input: commands that need the text again ask for it, and take it again."""

import shutil
from pathlib import Path

import pytest

from choosing import slow
from cli.commands import BRIEF, SilentTerminal, assert_refused, call, done


@pytest.fixture(scope="module")
def piped(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("piped") / "run"
    done(call("train", "-", *BRIEF, "--output", str(folder), stdin=book.read_bytes()))
    return folder


@pytest.mark.parametrize(
    "command", ["eval RUN", "sample RUN --novel 5", slow("verify RUN"), "train --resume RUN"]
)
@pytest.mark.parametrize("stdin", [SilentTerminal, bytes], ids=["terminal", "/dev/null"])
def test_it_is_asked_for_in_one_line(stdin: type, command: str, piped: Path) -> None:
    words = [str(piped) if word == "RUN" else word for word in command.split()]
    outcome = call(*words, stdin=stdin())
    assert_refused(outcome, f"{piped} was trained from standard input", do="add < FILE to the command")


def test_another_text_is_refused(piped: Path, book: Path) -> None:
    outcome = call("eval", str(piped), stdin=book.read_bytes() + b"e")
    assert_refused(outcome, f"standard input is not the text that {piped} was trained on")


@pytest.mark.parametrize("stdin", [SilentTerminal, bytes], ids=["terminal", "/dev/null"])
def test_the_report_is_made_without_it(stdin: type, piped: Path) -> None:
    outcome = call("report", str(piped), "-o", "page.html", stdin=stdin())
    assert outcome.code == 0, outcome
    assert "trained from standard input" in Path("page.html").read_text()


@pytest.mark.parametrize("command", ["eval", slow("verify"), slow("report -o page.html")])
def test_it_can_be_given_again(command: str, piped: Path, book: Path) -> None:
    name, *flags = command.split()
    done(call(name, str(piped), *flags, stdin=book.read_bytes()))


def test_training_goes_on_with_it(piped: Path, book: Path, tmp_path: Path) -> None:
    run = str(shutil.copytree(piped, tmp_path / "copy"))
    done(call("train", "--resume", run, "--steps", "24", stdin=book.read_bytes()))
