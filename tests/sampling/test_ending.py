"""Where a text ends, however it is cut into pieces: against a search character by character."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.sampling.ending import Ending

texts = st.text("a\n", max_size=30) | st.text("ab\n", max_size=30)
stops = st.none() | st.text("a\n", min_size=1, max_size=4) | st.text("ab\n", min_size=1, max_size=4)
line_counts = st.none() | st.integers(1, 4)
cuts = st.lists(st.integers(0, 30), max_size=12)


def twin(text: str, stop: str | None, lines: int | None) -> str:
    for end in range(1, len(text) + 1):
        begun = text[:end]
        if stop and begun.endswith(stop):
            return begun.removesuffix(stop)
        if lines and begun.count("\n") == lines:
            return begun
    return text


@settings(max_examples=1000)
@given(texts, stops, line_counts, cuts)
def test_a_text_ends_at_the_same_position_however_it_is_cut_into_pieces(
    text: str, stop: str | None, lines: int | None, cuts: list[int]
) -> None:
    ending, shown, expected = Ending(stop, lines), "", twin(text, stop, lines)
    bounds = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for start, end in pairwise(bounds):
        shown += ending.feed(text[start:end])
        assert expected.startswith(shown)
    assert shown + ending.flush() == expected


@settings(max_examples=1000)
@given(texts, st.text("ab\n", min_size=1, max_size=4))
def test_nothing_is_held_back_that_cannot_begin_the_stop_string(text: str, stop: str) -> None:
    ending = Ending(stop)
    shown = ending.feed(text)
    if not ending.done:
        assert stop.startswith(text.removeprefix(shown))


def test_a_text_that_has_ended_is_done_and_shows_no_more() -> None:
    ending = Ending("END")
    assert [ending.feed(piece) for piece in ("oneE", "N", "Dtwo", "three")] == ["one", "", "", ""]
    assert ending.done
    assert ending.flush() == ""
