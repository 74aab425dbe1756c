"""What a terminal sends, as keys: on a real pseudo-terminal, through prompt_toolkit."""

import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from charloop.cli.interactive.keys import Key, KeyReader

PASTE, PASTED = "\x1b[200~", "\x1b[201~"
SENT = {
    "a": [Key("text", "a")],
    "é漢": [Key("text", "é"), Key("text", "漢")],
    "\r": [Key("enter")],
    "\n": [Key("ctrl-j")],
    "\t": [Key("tab")],
    "\x7f": [Key("backspace")],
    "\x08": [Key("backspace")],
    "\x03\x04\x05\x13\x14\x15": [Key(f"ctrl-{letter}") for letter in "cdestu"],
    "\x1b[A\x1bOB": [Key("up"), Key("down")],
    "\x1b[F\x1bOF\x1b[4~": [Key("end")] * 3,
    "\x1b[99;9xb": [Key("text", "b")],
    "\x1bx": [Key("escape"), Key("text", "x")],
    f"{PASTE}in 1984\r\nor\r{PASTED}7": [Key("paste", "in 1984\nor\n"), Key("text", "7")],
    f"{PASTE}{PASTED}": [Key("paste", "")],
}


@dataclass
class Terminal:
    reader: KeyReader
    master: int
    slave: int

    def send(self, sent: str | bytes) -> None:
        os.write(self.master, sent.encode() if isinstance(sent, str) else sent)

    def read_all(self) -> list[Key]:
        """All keys until nothing has come for a tenth of a second."""
        return list(iter(lambda: self.reader.read(0.1), None))


@contextmanager
def terminal() -> Iterator[Terminal]:
    master, slave = os.openpty()
    try:
        with open(slave, closefd=False) as stream, KeyReader(stream) as reader:
            yield Terminal(reader, master, slave)
    finally:
        os.close(slave)


@pytest.fixture(scope="module")
def console() -> Iterator[Terminal]:
    with terminal() as made:
        yield made


@pytest.mark.parametrize("sent", SENT)
def test_what_is_sent(console: Terminal, sent: str) -> None:
    console.send(sent)
    assert console.read_all() == SENT[sent]


def test_a_key_that_prompt_toolkit_knows_and_the_editor_does_not_writes_nothing(console: Terminal) -> None:
    console.send("\x01\x1b[15;5~x")
    assert [key for key in console.read_all() if key.text] == [Key("text", "x")]


@pytest.mark.parametrize(("start", "rest"), [("\x1b", []), ("\x1bO", [Key("text", "O")])])
def test_the_start_of_a_sequence_is_the_key_escape_after_a_while(
    console: Terminal, start: str, rest: list[Key]
) -> None:
    console.send("a" + start)
    assert console.read_all() == [Key("text", "a"), Key("escape"), *rest]


def test_bytes_that_are_not_text_are_left_out(console: Terminal) -> None:
    console.send(b"a\xffb")
    assert console.read_all() == [Key("text", "a"), Key("text", "b")]


def test_nothing_pressed_is_none(console: Terminal) -> None:
    assert console.reader.read(0) is None
    console.send("ab")
    assert [console.reader.read(0.1), console.reader.read(0)] == [Key("text", "a"), Key("text", "b")]


def test_a_paste_may_come_in_pieces(console: Terminal) -> None:
    for piece in (f"{PASTE}the old", " fo", "x\x1b[20"):
        console.send(piece)
        assert console.reader.read(0.1) is None
    console.send("1~a")
    assert console.read_all() == [Key("paste", "the old fox"), Key("text", "a")]


def test_only_the_editor_loads_prompt_toolkit() -> None:
    code = (
        "import sys, charloop.cli.main, charloop.cli.commands.sample; print('prompt_toolkit' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_terminal_that_is_gone_ends_the_editor_and_one_that_stays_is_restored() -> None:
    with terminal() as made:
        os.close(made.master)
        assert made.reader.read(5.0) == Key("ctrl-d")
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    with open(slave, closefd=False) as stream, KeyReader(stream):
        assert termios.tcgetattr(slave) != before
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
