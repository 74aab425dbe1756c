"""A draw equals `generate_texts`, undoing leaves no trace, and bits are the network's own."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, KNOWN, LETTERS, WEIGHTS, begin_session

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate_texts
from charloop.sampling.surprise import SurpriseReader
from charloop.sessions.interactive import MAX_DRAWN, InteractiveSession, is_complete


def begin(prompt: str = "abc", vocabulary: Vocabulary = KNOWN, **config: Any) -> InteractiveSession:
    return InteractiveSession(begin_session(prompt, vocabulary, **config))


def text(session: InteractiveSession) -> str:
    return session.vocabulary.decode(session.ids)


def draw(session: InteractiveSession, unit: Any, times: int = 1) -> str:
    before = len(session.ids)
    for _ in range(times):
        assert sum(1 for _ in session.draw(unit)) >= 1
    return text(session)[before:]


@pytest.mark.parametrize("prompt", ["", "abc"])
@pytest.mark.parametrize(
    "config", [{}, {"temperature": 0.0}, {"temperature": 0.6, "top_k": 4, "seed": 3}], ids=str
)
def test_a_session_draws_the_characters_that_generate_draws(prompt: str, config: dict[str, Any]) -> None:
    expected = generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, SamplingConfig(length=60, **config))[0]
    assert draw(begin(prompt, **config), "character", 60) == expected


def test_words_and_lines_are_pieces_of_the_text_that_generate_writes() -> None:
    session, parts = begin(), [*(draw_units("word", 9)), *(draw_units("line", 3))]
    expected = generate_texts(ELMAN, WEIGHTS, LETTERS, "abc", SamplingConfig(length=500))[0]
    assert expected.startswith("".join(draw_units("word", 9)))
    assert expected.startswith("".join(draw_units("line", 3)))
    for part in parts[:9]:
        assert part[-1].isspace()
        assert len(part.split()) == 1
    for part in parts[9:]:
        assert part.index("\n") == len(part) - 1
    assert not session.written


def draw_units(unit: Any, count: int) -> list[str]:
    session = begin()
    return [draw(session, unit) for _ in range(count)]


def test_a_line_that_does_not_end_is_left_off() -> None:
    assert len(draw(begin("abc", Vocabulary.of_text("abcdefghij")), "line")) == MAX_DRAWN


def test_what_a_character_costs_is_the_networks_own() -> None:
    """At any temperature, whether drawn or typed."""
    session = begin(temperature=3.0, top_k=2)
    draw(session, "word")
    session.put(LETTERS.encode("hg\nfe").tolist())
    draw(session, "character")
    reader = SurpriseReader(ELMAN, WEIGHTS, LETTERS.encode("abc"))
    expected = reader.feed(np.array(session.ids, np.int32))
    np.testing.assert_allclose([one.bits for one in session.written], expected, rtol=1e-4)
    assert [one.by_hand for one in session.written][-6:] == [True] * 5 + [False]


def test_candidates_have_the_networks_probability_and_the_filtered_one() -> None:
    session = begin(temperature=0.5)
    found = session.candidates(10)
    own = session.session.next().probabilities
    assert [one.index for one in found] == list(np.argsort(-own))
    np.testing.assert_allclose([one.probability for one in found], -np.sort(-own))
    sharper = own**2 / (own**2).sum()
    np.testing.assert_allclose([one.draw_probability for one in found], -np.sort(-sharper), rtol=1e-5)
    session.session.change(temperature=1.0, top_k=2)
    assert [one.draw_probability > 0 for one in session.candidates(5)] == [True, True, False, False, False]
    session.set_temperature(0.0)
    assert [one.draw_probability for one in session.candidates(3)] == [1.0, 0.0, 0.0]


def test_in_mode_words_only_the_start_of_a_word_is_drawn() -> None:
    assert [one.draw_probability for one in begin("abc", mode="words").candidates(2)] == [1.0, 0.0]
    assert 0 < begin("abc ", mode="words").candidates(1)[0].draw_probability < 1


def test_the_unknown_symbol_is_not_a_candidate_and_cannot_be_typed() -> None:
    session = begin("abc", Vocabulary(KNOWN.symbols[:9], min_count=2))
    assert 9 not in [one.index for one in session.candidates(10)]
    assert len(session.candidates(10)) == 9
    assert sum(one.draw_probability for one in session.candidates(10)) == pytest.approx(1)
    with pytest.raises(CharloopError, match="does not know"):
        session.put([2, 9])
    assert session.ids == []


def test_a_temperature_out_of_range_changes_nothing() -> None:
    session = begin()
    with pytest.raises(CharloopError, match="temperature"):
        session.set_temperature(-0.1)
    assert session.session.config.temperature == 1.0


def test_a_word_taken_back_may_be_followed_by_another_word() -> None:
    """Else a person who does not like a word could never get another."""
    session, words = begin(seed=5), set()
    for _ in range(12):
        words.add(draw(session, "word"))
        session.take_back_piece()
    assert len(words) > 3
    expected = generate_texts(ELMAN, WEIGHTS, LETTERS, "abc", SamplingConfig(seed=5, length=1, num_samples=2))
    session = begin(seed=5)
    first = draw(session, "character")
    session.take_back()
    assert [first, draw(session, "character")] == expected


def test_pieces() -> None:
    """What was typed in a row is one, each draw is one, and there is no piece before the first."""
    session = begin()
    session.put([2])
    session.put([3, 4])
    drawn = [draw(session, "word"), draw(session, "word")]
    session.put([5])
    session.take_back()
    session.take_back()
    left = len(drawn[1]) - 1
    assert text(session) == "abc" + drawn[0] + drawn[1][:left]
    sizes = []
    for _ in range(4):
        before = len(session.ids)
        session.take_back_piece()
        sizes.append(before - len(session.ids))
    assert sizes == [*([left] if left else []), len(drawn[0]), 3, 0, 0][:4]
    session.take_back()
    assert session.ids == []


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(0, len(ALPHABET) - 1), max_size=4)),
        st.tuples(st.just("draw"), st.sampled_from(["character", "word", "line"])),
        st.tuples(st.sampled_from(["take_back", "take_back_piece"]), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(ACTS)
def test_after_any_acts_the_state_is_that_of_the_text(acts: list[tuple[str, Any]]) -> None:
    session, expected = begin(), list[int]()
    for act, what in acts:
        if act == "put":
            session.put(what)
            expected += what
        elif act == "draw":
            drawn = LETTERS.encode(draw(session, what)).tolist()
            expected += drawn
        else:
            getattr(session, act)()
            assert session.ids == expected[: len(session.ids)]
            lost = len(expected) - len(session.ids)
            assert lost == min(1, len(expected)) if act == "take_back" else lost >= min(1, len(expected))
            expected = expected[: len(session.ids)]
    assert session.ids == expected
    alone = begin()
    alone.put(expected)
    assert [one.bits for one in alone.written] == [one.bits for one in session.written]
    np.testing.assert_array_equal(alone.session.next().text.logits, session.session.next().text.logits)


@pytest.mark.parametrize(
    ("text", "unit", "over"),
    [
        ("a", "character", True),
        ("a", "word", False),
        ("a ", "word", True),
        (" ", "word", False),
        ("\n", "word", False),
        ("\na\n", "word", True),
        ("a b", "line", False),
        ("\n", "line", True),
    ],
)
def test_where_a_unit_ends(text: str, unit: Any, over: bool) -> None:
    assert is_complete(text, unit) is over
