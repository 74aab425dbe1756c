"""Where a text ends, however it is cut into pieces: against a search character by character."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.sampling.ending import Ending, IdEnding

texts = st.text("a\n", max_size=30) | st.text("ab\n", max_size=30)
stop_lists = st.lists(
    st.text("a\n", min_size=1, max_size=4) | st.text("ab\n", min_size=1, max_size=4), max_size=3
)
line_counts = st.none() | st.integers(1, 4)
cuts = st.lists(st.integers(0, 30), max_size=12)


def twin(text: str, stops: list[str], lines: int | None) -> str:
    for end in range(1, len(text) + 1):
        begun = text[:end]
        stopped = [begun.removesuffix(stop) for stop in stops if begun.endswith(stop)]
        if stopped:
            return min(stopped, key=len)
        if lines and begun.count("\n") == lines:
            return begun
    return text


@settings(max_examples=1000)
@given(texts, stop_lists, line_counts, cuts)
def test_a_text_ends_at_the_same_position_however_it_is_cut_into_pieces(
    text: str, stops: list[str], lines: int | None, cuts: list[int]
) -> None:
    ending, shown, expected = Ending(stops, lines), "", twin(text, stops, lines)
    bounds = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for start, end in pairwise(bounds):
        shown += ending.feed(text[start:end])
        assert expected.startswith(shown)
    assert shown + ending.flush() == expected


@settings(max_examples=1000)
@given(texts, stop_lists)
def test_nothing_is_held_back_that_cannot_begin_a_stop_string(text: str, stops: list[str]) -> None:
    ending = Ending(stops)
    shown = ending.feed(text)
    if not ending.done:
        held = text.removeprefix(shown)
        assert not held or any(stop.startswith(held) for stop in stops)


def test_a_text_that_has_ended_is_done_and_shows_no_more() -> None:
    ending = Ending(["END"])
    assert [ending.feed(piece) for piece in ("oneE", "N", "Dtwo", "three")] == ["one", "", "", ""]
    assert ending.done
    assert ending.flush() == ""


@settings(max_examples=1000)
@given(texts.filter(bool), stop_lists, line_counts)
def test_a_text_of_ids_ends_where_the_same_text_of_characters_does(
    text: str, stops: list[str], lines: int | None
) -> None:
    ids = list(map(ord, text))
    ending = IdEnding(tuple(tuple(map(ord, stop)) for stop in stops), ord("\n"), lines)
    ends = (ending.find_end(ids[:size]) for size in range(1, len(ids) + 1))
    end = next((end for end in ends if end is not None), len(ids))
    assert text[:end] == twin(text, stops, lines)
