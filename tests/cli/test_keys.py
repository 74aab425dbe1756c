"""What a terminal sends, as keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.cli.interactive.keys import NAMES, PASTE, PASTED, Key, parse

SENT = {
    "a": [Key("text", "a")],
    "é漢": [Key("text", "é"), Key("text", "漢")],
    "\r": [Key("enter")],
    "\x7f": [Key("backspace")],
    "\x03": [Key("ctrl-c")],
    "\x1b[A\x1bOB": [Key("up"), Key("down")],
    "\x1b[4~": [Key("end")],
    "\x1b[15;5~x": [Key("text", "x")],
    "\x01": [],
    "\x1bx": [Key("escape"), Key("text", "x")],
    f"{PASTE}in 1984\r\nor\r{PASTED}7": [Key("paste", "in 1984\nor\n"), Key("text", "7")],
    f"{PASTE}{PASTED}": [Key("paste", "")],
}


@pytest.mark.parametrize("sent", SENT)
def test_what_is_sent(sent: str) -> None:
    assert parse(sent) == (SENT[sent], "")


@pytest.mark.parametrize("rest", ["\x1b", "\x1b[", "\x1b[1;5", "\x1bO", f"{PASTE}abc", f"{PASTE}abc\x1b[201"])
def test_what_is_not_whole_yet_is_kept(rest: str) -> None:
    assert parse("a" + rest) == ([Key("text", "a")], rest)


WHOLE = st.sampled_from([*(sent for sent in SENT if sent != "\x1bx"), *NAMES])


@given(st.lists(WHOLE, max_size=6), st.data())
def test_it_does_not_matter_in_what_pieces_it_comes(parts: list[str], data: st.DataObject) -> None:
    sent = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    keys, rest = list[Key](), ""
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        found, rest = parse(rest + sent[start:end])
        keys += found
    assert (keys, rest) == parse(sent)
