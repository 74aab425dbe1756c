"""The curve beside the bar: dots where the losses are, baselines in their rows, nothing too wide."""

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from charloop.baselines import Baseline, Baselines
from charloop.cli.terminal.curve import DOTS, EMPTY, LINE, ROWS, Curve

WIDTH = 80


def baselines(**bits: float) -> Baselines:
    entries = tuple(Baseline(name.replace("_", "-"), value * math.log(2)) for name, value in bits.items())
    return Baselines(entries, 10, 10, 10, 10)


def curve(*bits: float) -> Curve:
    """A curve of these losses, evenly over the whole run."""
    made = Curve()
    for number, value in enumerate(bits):
        made.add(number / max(1, len(bits) - 1), value * math.log(2))
    return made


def dots(rows: list[Text]) -> dict[int, list[int]]:
    """Of each column of dots: the rows of its dots, from the top; read from the symbols as Unicode defines them."""
    found: dict[int, list[int]] = {}
    for row, text in enumerate(rows):
        for column, character in enumerate(text.plain.partition("│")[2]):
            value = ord(character) - ord(EMPTY)
            for down, pair in enumerate(DOTS):
                for right, bit in enumerate(pair):
                    if 0 < value < 256 and value & bit:
                        found.setdefault(2 * column + right, []).append(4 * row + down)
    return found


def test_nothing_before_there_are_two_points() -> None:
    assert Curve().draw(WIDTH, None) == []
    once = Curve()
    once.add(0.0, 3.0)
    once.add(0.5, math.nan)
    once.add(0.7, math.inf)
    assert once.draw(WIDTH, None) == []
    assert curve(4.0, 2.0).draw(10, None) == [], "too low a terminal"


def test_a_straight_line_falls_from_corner_to_corner_without_a_gap() -> None:
    seen = dots(curve(*(4 - 2 * i / 999 for i in range(1000))).draw(WIDTH, None))
    assert sorted(seen) == list(range(max(seen) + 1))
    assert min(seen[0]) <= 1
    assert max(seen[max(seen)]) >= 4 * ROWS - 2
    for left, right in zip(range(max(seen)), range(1, max(seen) + 1), strict=True):
        assert min(seen[left]) <= min(seen[right]) <= max(seen[left]) + 1, "connected, and never upwards"


def test_a_run_of_few_steps_is_one_line_too() -> None:
    few = Curve()
    for progress, bits in ((0.0, 4.0), (0.5, 3.0), (1.0, 2.0)):
        few.add(progress, bits * math.log(2))
    seen = dots(few.draw(WIDTH, None))
    assert sorted(seen) == list(range(max(seen) + 1))
    assert max(seen) > 100


def test_a_jump_is_drawn_as_a_line_from_one_to_the_other() -> None:
    seen = dots(curve(*[4.0] * 500, *[2.0] * 500).draw(WIDTH, None))
    longest = max(seen.values(), key=len)
    assert longest == list(range(longest[0], longest[-1] + 1))
    assert len(longest) > 4 * ROWS - 4


def test_a_baseline_lies_where_the_curve_crosses_it() -> None:
    falling = curve(*(4 - 2 * i / 999 for i in range(1000)))
    rows = falling.draw(WIDTH, baselines(uniform=6.0, **{"4_gram": 3.0}))
    (row,) = [row for row in rows if "4-gram 3.00" in row.plain]
    assert LINE in row.plain
    middle = [
        row.plain.index(character)
        for character in row.plain
        if ord(EMPTY) < ord(character) < ord(EMPTY) + 256
    ]
    columns = len(rows[0].plain.partition("│")[0]) + 30
    assert abs(middle[len(middle) // 2] - columns) < 12, "half of the way"
    assert "uniform" not in "".join(row.plain for row in rows), "above all losses"


def test_the_picture_reaches_to_the_next_baseline_but_not_to_a_far_one() -> None:
    falling = curve(*(4 - 2 * i / 999 for i in range(1000)))
    near, far = (
        "".join(row.plain for row in falling.draw(WIDTH, baselines(bz2=bits))) for bits in (1.7, 0.5)
    )
    assert "bz2 1.70" in near
    assert "bz2" not in far


def test_once_the_unigram_is_beaten_the_start_is_cut_off() -> None:
    falling = curve(*[8.0] * 50, *(4.0 - i / 999 for i in range(1000)))
    rows = falling.draw(WIDTH, baselines(unigram=4.5))
    assert "unigram 4.50" in rows[0].plain
    assert float(rows[0].plain.split()[0]) < 5
    assert float(falling.draw(WIDTH, None)[0].plain.split()[0]) > 7


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 50)), min_size=2, max_size=30),
    st.integers(1, 200),
    st.lists(st.floats(0, 20), min_size=1, max_size=9),
)
def test_no_losses_break_it_or_make_it_too_wide(
    losses: list[tuple[float, float]], width: int, bits: list[float]
) -> None:
    made = Curve()
    for progress, nats in losses:
        made.add(progress, nats)
    entries = baselines(**{f"r{i}": value for i, value in enumerate(bits)})
    rows = made.draw(width, entries)
    assert len(rows) in (0, ROWS)
    assert all(row.cell_len <= width for row in rows)
