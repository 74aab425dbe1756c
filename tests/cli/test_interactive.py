"""`charloop sample --interactive` on a terminal: a pseudo-terminal, a real process, real keys."""

import re
import signal
import termios
from pathlib import Path

import pytest

from choosing import slow
from cli.commands import assert_refused, call
from cli.terminals import Terminal, open_terminal


def test_a_person_and_a_network_write_a_text(trained: Path) -> None:
    with open_terminal(
        "sample", str(trained), "--prompt", "the old ", "--interactive", "--seed", "3"
    ) as screen:
        before = termios.tcgetattr(screen.slave)
        assert len(screen.until("Ctrl-C end")) == 24
        screen.send("dog")
        screen.until("the old dog")
        screen.send("\x7f\x7f\x7f")
        screen.until("── temperature 1 ─")
        screen.send("fox \x1b[A")
        screen.until("temperature 1.1")
        screen.resize(12, 40)
        screen.until("the old fox")
        screen.resize(24, 80)
        screen.send("\x1b[200~by a river\x1b[201~")
        screen.until("the old fox by a river")
        screen.send("\x13saved.txt\r")
        screen.until("saved as saved.txt")
        screen.send("\x05")
        seen = screen.until("↵")
        line = seen[0].partition("↵")[0]
        screen.send("\x03")
        left = screen.ended()
        assert screen.running.returncode == 0
        assert termios.tcgetattr(screen.slave) == before, "the terminal is as it was"
    assert left == line + "\n"
    assert line.startswith("the old fox by a river")
    assert Path("saved.txt").read_text() == "the old fox by a river"
    assert screen.written.count("\x1b[?2004h") == screen.written.count("\x1b[?2004l") == 1
    assert screen.written.count("\x1b[?25l") == screen.written.count("\x1b[?25h") > 0, "the cursor comes back"


@pytest.mark.parametrize("number", [signal.SIGTERM, slow(signal.SIGINT)])
def test_a_signal_ends_a_session_as_ctrl_c_does(trained: Path, number: int) -> None:
    with open_terminal("sample", str(trained), "--interactive", "--no-echo", "--prompt", "a ") as screen:
        before = termios.tcgetattr(screen.slave)
        screen.until("Ctrl-C end")
        screen.send("fox")
        screen.until("a fox")
        screen.running.send_signal(number)
        assert screen.ended().startswith("fox\nnote: --seed ")
        assert screen.running.returncode == 0
        assert termios.tcgetattr(screen.slave) == before


@pytest.mark.slow
def test_a_session_without_a_seed_draws_one_and_prints_it_and_that_seed_draws_the_same_again(
    trained: Path,
) -> None:
    """The first of the two sessions also shows that Escape is not taken for an arrow, and that Ctrl-D ends it."""
    with open_terminal("sample", str(trained), "--interactive") as screen:
        screen.until("Ctrl-C end")
        screen.send("\x14")
        screen.until("digits, Enter and Tab write text")
        screen.send("\x1b")
        line, note = draw_line(screen, "\x04")
    found = re.fullmatch(r"note: --seed (\d+) draws the same characters for the same keys\n", note)
    assert found
    assert found[1] != "0"
    with open_terminal("sample", str(trained), "--interactive", "--seed", found[1]) as screen:
        assert draw_line(screen, "\x03") == (line, "")


def draw_line(screen: Terminal, end: str) -> tuple[str, str]:
    """Have the network write a line, and end the session with the key `end`; return the line, and what follows it."""
    screen.until("Ctrl-C end")
    screen.send("\x05")
    screen.until("↵")
    screen.send(end)
    line, _, note = screen.ended().partition("\n")
    return line, note


def test_a_session_needs_a_terminal(trained: Path) -> None:
    assert_refused(call("sample", str(trained), "--interactive"), "needs a terminal", do="leave it out")
    mixed = ("--interactive", "--mix", "linear", "--mix-weights", "1,2")
    assert_refused(call("sample", f"{trained}+ngram", *mixed), "needs a terminal", do="leave it out")
    penalty = ("--repetition-penalty", "2", "--repetition-window", "9")
    assert_refused(
        call("sample", str(trained), "--interactive", *penalty), "needs a terminal", do="leave it out"
    )


@pytest.mark.parametrize(
    ("flag", "value"), [("length", "9"), ("lines", "2"), ("stop", "a"), ("num-samples", "2")]
)
def test_flags_that_say_when_a_text_ends(trained: Path, flag: str, value: str) -> None:
    outcome = call("sample", str(trained), "--interactive", f"--{flag}", value)
    assert_refused(outcome, f"--{flag} and --interactive", do="leave one out")
