"""The picture over the bar: the curve, samples beside or under it, as much of both as fits."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from charloop.cli.terminal.curve import ROWS
from charloop.cli.terminal.picture import (
    GAP,
    LABEL,
    MAX_CURVE_WIDTH,
    MIN_HEIGHT,
    MIN_HEIGHT_BELOW,
    MIN_WIDTH_BESIDE,
    ROWS_BELOW,
    Picture,
    shows_samples,
)
from charloop.cli.terminal.training_screen import TrainingScreen
from charloop.training.events import Sampled
from cli.test_curve import curve

LINES = "To be, or not to be,\n\nthat is the question: whether it is nobler\tin the mind\nto suffer\n"


def picture(*samples: str) -> Picture:
    drawn = Picture(curve(4.0, 2.0))
    for number, text in enumerate(samples, start=1):
        drawn.add_sample(100 * number, [(0.5, "low"), (0.8, text), (1.0, "high")])
    return drawn


def plain(rows: list[Text]) -> list[str]:
    return [row.plain.rstrip() for row in rows]


def test_a_low_terminal_does_not_show_it() -> None:
    assert picture("a").draw(160, MIN_HEIGHT - 1) == []
    assert len(picture().draw(80, MIN_HEIGHT)) == ROWS
    assert len(picture("a").draw(80, MIN_HEIGHT)) == ROWS, "samples go between the rows there"
    assert Picture(samples=[(1, "a")]).draw(160, MIN_HEIGHT_BELOW) == [], "nothing before there is a curve"


def test_on_a_wide_terminal_samples_stand_beside_the_curve() -> None:
    rows = picture("nonsense", "some sense", LINES).draw(160, MIN_HEIGHT)
    left, right = (
        picture().draw(MAX_CURVE_WIDTH, MIN_HEIGHT_BELOW),
        [row.plain[MAX_CURVE_WIDTH + GAP :] for row in rows],
    )
    assert [row.plain[:MAX_CURVE_WIDTH].rstrip() for row in rows] == plain(left)
    assert [text.rstrip() for text in right] == [
        "step 100    nonsense",
        "step 200    some sense",
        "step 300    To be, or not to be,",
        "            that is the question: whether it is nobler in the",
        "            mind",
        "            to suffer",
    ]


def test_on_a_less_wide_one_the_curve_gives_way_to_the_samples() -> None:
    rows = plain(picture("nonsense", "some sense", LINES).draw(MIN_WIDTH_BESIDE, MIN_HEIGHT))
    assert rows[3].endswith(" " * LABEL + "that is the question: whether it is nobler in")
    assert all(len(row) <= MIN_WIDTH_BESIDE for row in rows)


def test_on_a_narrow_one_they_stand_under_it() -> None:
    rows = plain(picture("nonsense", "some sense", LINES).draw(80, MIN_HEIGHT_BELOW))
    assert rows[:ROWS] == plain(picture().draw(80, MIN_HEIGHT_BELOW))
    assert rows[ROWS:] == [
        "step 200    some sense",
        "step 300    To be, or not to be,",
        "            that is the question: whether it is nobler in the mind",
        "            to suffer",
    ]


@given(
    st.lists(st.text(), max_size=5), st.integers(20, 200), st.integers(15, 60)
)  # any characters: wide ones, joined ones, none at all
def test_it_is_always_as_high_and_never_too_wide(samples: list[str], width: int, height: int) -> None:
    """A picture whose height changes when it is redrawn would leave torn lines behind."""
    rows = picture(*samples).draw(width, height)
    under = ROWS_BELOW if samples and shows_samples(width, height) and width < MIN_WIDTH_BESIDE else 0
    assert len(rows) in (0, ROWS + under)
    assert all(cell_len(row.plain) <= width for row in rows)
    assert not any(character in row.plain for row in rows for character in "\n\r\t\x1b")


@pytest.mark.parametrize(("height", "shown"), [(MIN_HEIGHT_BELOW, False), (MIN_HEIGHT - 1, True)])
def test_samples_are_between_the_rows_only_where_the_picture_is_too_small(
    height: int, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Console(file=io.StringIO(), width=80, force_terminal=True, force_interactive=True)
    monkeypatch.setattr(type(target), "height", height)
    with TrainingScreen(target) as screen:
        screen(Sampled(100, [(0.8, "to be\nor not")]))
        screen.picture.curve = curve(4.0, 2.0)
        assert (f"{'step 100':<{LABEL}}to be" in plain(screen.drawn())) is not shown
    assert isinstance(target.file, io.StringIO)
    assert ("temperature 0.8" in target.file.getvalue()) is shown


def test_no_colour_that_vanishes_on_black_or_white() -> None:
    """Of the 16 colours: black and white are a ground themselves, bright black often is one; the rest is dim."""
    rows = picture("a", "b").draw(160, MIN_HEIGHT_BELOW)
    styles = {str(span.style) for row in rows for span in row.spans} | {str(row.style) for row in rows}
    assert styles <= {"", "dim", "green"}


def test_the_curve_and_the_newest_sample_are_not_dim() -> None:
    target = Console(file=io.StringIO(), width=160, force_terminal=True, color_system="standard")
    dim, seen = set[str](), set[str]()
    for row in picture("one", "two").draw(160, MIN_HEIGHT_BELOW):
        for segment in target.render(row):
            (dim if segment.style and segment.style.dim else seen).update(segment.text.split())
    assert "two" in seen
    assert {"one", "step", "100", "200", "bits", "│"} <= dim
    assert any(0x2800 < ord(character) < 0x2900 for word in seen for character in word)
    assert not any(0x2800 < ord(character) < 0x2900 for word in dim for character in word)
