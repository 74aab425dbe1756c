"""The interactive editor: what each key does to the text, and how it looks on a terminal of any size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from charloop.cli.interactive.editor import Editor
from charloop.cli.interactive.keys import Key
from charloop.cli.interactive.view import (
    draw_bar,
    draw_editor,
    flow_items,
    make_label,
    split_characters,
    wrap_symbols,
)
from charloop.data import Vocabulary
from charloop.sessions.interactive import InteractiveSession
from charloop.trained import TrainedModel, load
from cli.commands import Outcome


@pytest.fixture(scope="module")
def network(trained: Path) -> TrainedModel:
    return load(trained)


@pytest.fixture(scope="module")
def bytes_network(binary: tuple[Path, Outcome]) -> TrainedModel:
    return load(binary[0])


def open_editor(
    network: TrainedModel, prompt: str = "the ", *, keeps_prompt: bool = True, **config: float
) -> Editor:
    session = network.session(context="", **config)
    session.read(prompt)
    return Editor(InteractiveSession(session), network.vocabulary, keeps_prompt=keeps_prompt)


def press(editor: Editor, *keys: str) -> Editor:
    """Named keys by their names; all else is typed."""
    for key in keys:
        named = len(key) > 1 and key.isascii() and (key[:5] == "ctrl-" or key in NAMED)
        for one in [Key(key)] if named else [Key("text", letter) for letter in key]:
            for _ in editor.press(one):
                """The network writes."""
    return editor


NAMED = {"enter", "tab", "backspace", "up", "down", "end", "escape"}


def rows(editor: Editor, width: int = 80, height: int = 24, *, colored: bool = False) -> list[str]:
    return draw_editor(editor, width, height, colored=colored).plain.split("\n")


def text(editor: Editor) -> str:
    return editor.content().decode()


def test_letters_are_text_and_digits_choose(network: TrainedModel) -> None:
    editor = press(open_editor(network), "lazy d")
    assert text(editor) == "the lazy d"
    third = network.vocabulary.decode([editor.candidates[2].index])
    assert text(press(editor, "3")) == "the lazy d" + third
    tenth = network.vocabulary.decode([editor.candidates[9].index])
    assert text(press(editor, "0")).endswith(third + tenth)


def test_a_number_that_nobody_has(network: TrainedModel) -> None:
    editor = open_editor(network)
    editor.num_candidates = 4
    assert press(editor, "5").message == "no candidate has the number 5; press Ctrl-T first to write digits"
    assert text(editor) == "the "
    assert not press(editor, "q").message


def test_the_network_draws_and_all_is_taken_back(network: TrainedModel) -> None:
    editor = press(open_editor(network, seed=3), "enter", "tab", "end")
    expected = network.sample("the ", length=len(editor.session.ids), seed=3)[0]
    assert text(editor) == "the " + expected
    assert expected.endswith("\n")
    press(editor, "ctrl-u", "ctrl-u")
    assert text(editor) == "the " + expected[0]
    assert text(press(editor, "backspace", "backspace")) == "the "


def test_the_temperature_stays_in_its_range(network: TrainedModel) -> None:
    editor = press(open_editor(network, temperature=0.15), "down", "down", "down")
    assert editor.session.temperature == 0
    press(editor, *["up"] * 3)
    assert editor.session.temperature == 0.3


def test_in_typing_all_is_text(network: TrainedModel) -> None:
    editor = press(open_editor(network), "ctrl-t", "fox", "enter", "a")
    assert text(editor) == "the fox\na"
    assert "1" in press(editor, "1").message, "the network has no digits"
    assert text(press(editor, "escape", "1")) != "the fox\na"


def test_what_is_pasted_is_text(network: TrainedModel) -> None:
    editor = open_editor(network)
    for _ in editor.press(Key("paste", "quick\nfox")):
        """Nothing is drawn."""
    assert text(editor) == "the quick\nfox"


def test_a_character_that_the_network_lacks_is_refused(network: TrainedModel) -> None:
    editor = press(open_editor(network), "é")
    assert "'é' (U+00E9)" in editor.message
    assert text(editor) == "the "
    assert any("'é' (U+00E9)" in row for row in rows(editor))


@pytest.mark.parametrize("key", ["ctrl-c", "ctrl-d"])
def test_the_end(network: TrainedModel, key: str) -> None:
    assert press(open_editor(network), key).done
    assert press(open_editor(network), "ctrl-s", "abc", key).done


def test_saved_where_nothing_is_lost(network: TrainedModel) -> None:
    editor = press(open_editor(network), "old dog", "ctrl-s", "oldX", "backspace", ".txt")
    assert any(row.startswith("save as: old.txt") for row in rows(editor))
    assert press(editor, "enter").message == "saved as old.txt"
    assert Path("old.txt").read_text() == "the old dog"
    press(editor, "q", "ctrl-s", "old.txt", "enter")
    assert editor.message == "old.txt exists already; save under another name"
    assert Path("old.txt").read_text() == "the old dog"
    assert "there is no folder no" in press(editor, "ctrl-s", "no/a.txt", "enter").message
    assert text(press(editor, "ctrl-s", "b", "escape", "s")) == "the old dogqs"
    assert [path.name for path in Path().iterdir()] == ["old.txt"]


def test_without_the_prompt(network: TrainedModel) -> None:
    assert text(press(open_editor(network, keeps_prompt=False), "fox")) == "fox"


def test_what_is_seen(network: TrainedModel) -> None:
    editor = press(open_editor(network), "dog", "ctrl-t", "enter", "escape")
    seen = rows(editor)
    assert seen[0].rstrip() == "the dog↵"
    assert seen[1] == " ", "the cursor"
    cost = editor.session.written[-1].bits
    (status,) = [row for row in seen if row.startswith("──")]
    assert status.startswith(f"── new line cost {cost:.2f} bits · 4 characters, ")
    assert "temperature 1 ─" in status
    best = editor.candidates[0]
    (first,) = [row for row in seen if row.startswith("1  ")]
    assert f"{best.probability:.1%}" in first
    assert first.count("█") == int(40 * best.draw_probability + 1 / 16)
    assert len([row for row in seen if row[:3] in [f"{n}  " for n in range(10)]]) == 10
    assert seen[-1].endswith("Ctrl-C end")


def test_who_wrote_and_what_it_cost_is_seen(network: TrainedModel) -> None:
    editor = press(open_editor(network), "dog", "enter")
    styles = [str(span.style) for span in draw_editor(editor, 80, 24, colored=False).spans]
    assert styles[:7] == ["dim"] * 4 + ["bold"] * 3
    assert styles[7] == "reverse", "what the network wrote is as it is"
    coloured = {str(span.style) for span in draw_editor(editor, 80, 24, colored=True).spans}
    assert any(style.startswith("bold color(") for style in coloured)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(width=st.integers(10, 200), height=st.integers(4, 60), long=st.booleans(), act=st.sampled_from("st é"))
def test_it_fits_a_terminal_of_any_size(
    network: TrainedModel, width: int, height: int, long: bool, act: str
) -> None:
    editor = open_editor(network, "the old dog\n" * (40 if long else 1))
    press(editor, *{"s": ["ctrl-s", "a name " * 20], "t": ["ctrl-t"], " ": ["tab"], "é": ["é"]}[act])
    seen = rows(editor, width, height)
    assert len(seen) == height
    assert max(map(cell_len, seen)) <= width
    assert any("1  " in row for row in seen)
    console = Console(width=width, height=height, file=None, record=True, quiet=True)
    assert len(console.render_lines(draw_editor(editor, width, height, colored=True), pad=False)) == height


@given(st.text("ab漢字é ", max_size=60), st.integers(2, 9))
def test_no_character_is_lost_where_a_row_ends(text: str, width: int) -> None:
    lines = [line.plain for line in wrap_symbols([(symbol, "") for symbol in text], width, 60)]
    assert "".join(lines) == text
    assert max(map(cell_len, lines)) <= width


def test_the_end_of_a_long_text_is_seen(network: TrainedModel) -> None:
    editor = press(open_editor(network, "a lazy dog by an old river\n" * 400), "quick fox")
    lines = [row.rstrip() for row in rows(editor)]
    assert lines[lines.index("quick fox") - 1] == "a lazy dog by an old river↵"


def test_bytes_are_joined_to_characters_or_are_numbers(bytes_network: TrainedModel) -> None:
    editor = open_editor(bytes_network, "é")
    press(editor, "漢a")
    assert [one.index for one in editor.session.written] == [*"漢a".encode()]
    assert rows(editor)[0].rstrip() == "é漢a"
    editor.session.put([0xE6, 0xBC])
    assert rows(editor)[0].rstrip() == "é漢a<E6><BC>"
    assert make_label(bytes_network.vocabulary, [0xE6, 0xBC, 0xA2]) == "<A2> 漢"
    assert make_label(bytes_network.vocabulary, [0x41, 0xBC]) == "<BC>"
    editor.session.put([0xA2])
    assert rows(editor)[0].rstrip() == "é漢a漢"
    press(editor, "backspace")
    assert editor.content() == "é漢a".encode() + b"\xe6\xbc"


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_the_end_of_a_document_is_a_new_line(
    network: TrainedModel, bytes_network: TrainedModel, unit: str
) -> None:
    known = network.vocabulary if unit == "char" else bytes_network.vocabulary
    vocabulary = replace(known, documents="line")
    ids = [*vocabulary.encode("ab").tolist(), vocabulary.end_id]
    editor = open_editor(network, "")
    editor.vocabulary, editor.session.prompt = vocabulary, np.array(ids)
    assert editor.content() == b"ab\n"
    assert list(split_characters(vocabulary, ids)) == [("a", 1), ("b", 1), ("\n", 1)]
    assert make_label(vocabulary, ids) == "the end"


RAW = st.lists(
    st.one_of(st.binary(max_size=3), st.text(max_size=2).map(lambda t: t.encode("utf-8", "ignore")))
)


@given(RAW)
def test_no_byte_is_lost_or_invented(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    found = list(split_characters(Vocabulary.of_bytes(), list(raw)))
    assert sum(size for _, size in found) == len(raw)
    again = b"".join(
        bytes([int(text[1:3], 16)]) if size == 1 and len(text) == 4 else text.encode() for text, size in found
    )
    assert again == raw


@pytest.mark.parametrize(
    ("symbol", "seen"),
    [(" ", "space"), ("\n", "new line"), ("\t", "tab"), ("a", "a"), ("\x07", "U+0007"), ("\u0301", "U+0301"),
     ("\u200b", "U+200B"), ("漢", "漢")],
)  # fmt: skip
def test_labels(symbol: str, seen: str) -> None:
    assert make_label(Vocabulary((symbol,)), [0]) == seen


def test_a_bar_is_exact_to_the_eighth() -> None:
    assert [draw_bar(share, 2) for share in (0.0, 1 / 16, 0.5, 0.75, 1.0)] == ["", "▏", "█", "█▌", "██"]


def test_items_flow() -> None:
    assert flow_items(["ab", "cd", "ef"], 7) == ["ab · cd", "ef"]
    assert flow_items(["abcdef", "g"], 3) == ["abcdef", "g"]
