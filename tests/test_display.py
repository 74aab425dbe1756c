"""One table of symbols and one scale of surprise, behind the terminal and the page."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.cli.terminal.surprise_colors import LEGEND, color_of
from charloop.display import BLANKS, SURPRISE, level_of_surprise, name_character, name_ranges, show_character
from charloop.display.markup import surprise_style


def test_levels_rise_from_nothing() -> None:
    bits = [level.bits for level in SURPRISE]
    assert bits[0] == 0
    assert bits == sorted(set(bits))


@given(st.floats(0, 30))
def test_a_level_is_the_last_one_that_has_begun(bits: float) -> None:
    begun = [level for level in SURPRISE if level.bits <= bits]
    assert level_of_surprise(bits) == begun[-1]
    assert color_of(bits) == begun[-1].terminal


@pytest.mark.parametrize(
    ("bits", "color"), [(0, 28), (0.99, 28), (1, 31), (2, 133), (3.9, 133), (4, 160), (99, 160)]
)
def test_the_terminals_colors(bits: float, color: int) -> None:
    assert color_of(float(bits)) == color


def test_the_terminals_legend_joins_levels_of_one_color() -> None:
    parts = re.findall(r"\x1b\[38;5;(\d+)m([^\x1b]*)", LEGEND)
    assert parts == [("28", "0 to 1"), ("31", "1 to 2"), ("133", "2 to 4"), ("160", "4 and more")]
    assert list(name_ranges([0.0, 0.25])) == ["0 to 0.25", "0.25 and more"]


def test_the_page_has_the_same_levels() -> None:
    light, _, dark = surprise_style().partition("@media (prefers-color-scheme:dark)")
    for number, level in enumerate(SURPRISE):
        assert f"--s{number}:{level.light};" in light
        assert f"--s{number}:{level.dark};" in dark
        assert f".s{number}{{background-color:var(--s{number});" in dark


def test_blanks_have_a_symbol_and_a_name() -> None:
    assert [(show_character(one), name_character(one)) for one in BLANKS] == list(BLANKS.values())
    assert set(BLANKS) == set(" \n\t\ufffc")


@pytest.mark.parametrize(
    ("character", "symbol", "name"),
    [
        ("a", "a", ""),
        ("\x00", "U+0000", ""),
        ("\u202e", "U+202E", "right-to-left override"),
        ("\u00a0", "U+00A0", "no-break space"),
        ("\u0301", "◌\u0301", ""),
        ("\udcff", "\\xff", ""),
        ("🚀", "🚀", ""),
    ],
)
def test_symbols_and_names(character: str, symbol: str, name: str) -> None:
    assert (show_character(character), name_character(character)) == (symbol, name)
