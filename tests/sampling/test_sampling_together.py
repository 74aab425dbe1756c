"""Written together: a draw is `generate`'s, what is taken back was never there, bits are the network's own."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, Elman, Letters

from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate
from charloop.sampling.surprise import SurpriseReader
from charloop.sampling.together import MOST, Together, is_over

LETTERS, ELMAN = Letters(), Elman()
WEIGHTS = ELMAN.init()


def together(prompt: str = "abc", vocabulary: Letters = LETTERS, **config: Any) -> Together:
    return Together(ELMAN, WEIGHTS, vocabulary, prompt, SamplingConfig(**config))


def text(made: Together) -> str:
    return made.vocabulary.decode(made.ids)


def draw(made: Together, unit: Any, times: int = 1) -> str:
    before = len(made.ids)
    for _ in range(times):
        assert sum(1 for _ in made.draw(unit)) >= 1
    return text(made)[before:]


@pytest.mark.parametrize("prompt", ["", "abc"])
@pytest.mark.parametrize(
    "config", [{}, {"temperature": 0.0}, {"temperature": 0.6, "top_k": 4, "seed": 3}], ids=str
)
def test_character_by_character_it_draws_what_generate_draws(prompt: str, config: dict[str, Any]) -> None:
    expected = generate(ELMAN, WEIGHTS, LETTERS, prompt, SamplingConfig(length=60, **config))[0]
    assert draw(together(prompt, **config), "character", 60) == expected


def test_words_and_lines_are_what_generate_writes_cut_where_they_end() -> None:
    made, parts = together(), [*(draw_units("word", 9)), *(draw_units("line", 3))]
    expected = generate(ELMAN, WEIGHTS, LETTERS, "abc", SamplingConfig(length=500))[0]
    assert expected.startswith("".join(draw_units("word", 9)))
    assert expected.startswith("".join(draw_units("line", 3)))
    for part in parts[:9]:
        assert part[-1].isspace()
        assert len(part.split()) == 1
    for part in parts[9:]:
        assert part.index("\n") == len(part) - 1
    assert not made.written


def draw_units(unit: Any, count: int) -> list[str]:
    made = together()
    return [draw(made, unit) for _ in range(count)]


def test_a_line_that_does_not_end_is_left_off() -> None:
    assert len(draw(together(vocabulary=Letters("abcdefghij")), "line")) == MOST


def test_what_a_character_costs_is_the_networks_own() -> None:
    """Whatever the temperature, and whoever wrote it."""
    made = together(temperature=3.0, top_k=2)
    draw(made, "word")
    made.put(LETTERS.encode("hg\nfe").tolist())
    draw(made, "character")
    reader = SurpriseReader(ELMAN, WEIGHTS, LETTERS.encode("abc"))
    expected = reader.feed(np.array(made.ids, np.int32))
    np.testing.assert_allclose([one.bits for one in made.written], expected, rtol=1e-4)
    assert [one.by_hand for one in made.written][-6:] == [True] * 5 + [False]


def test_candidates_have_both_chances() -> None:
    made = together(temperature=0.5)
    found = made.candidates(10)
    own = made.tick.chances()
    assert [one.index for one in found] == list(np.argsort(-own))
    np.testing.assert_allclose([one.chance for one in found], -np.sort(-own))
    sharper = own**2 / (own**2).sum()
    np.testing.assert_allclose([one.drawn for one in found], -np.sort(-sharper), rtol=1e-5)
    made.config = SamplingConfig(top_k=2)
    assert [one.drawn > 0 for one in made.candidates(5)] == [True, True, False, False, False]
    made.set_temperature(0.0)
    assert [one.drawn for one in made.candidates(3)] == [1.0, 0.0, 0.0]


def test_within_a_word_nothing_is_left_to_chance_where_only_words_begin_by_it() -> None:
    assert [one.drawn for one in together("abc", mode="words").candidates(2)] == [1.0, 0.0]
    assert 0 < together("abc ", mode="words").candidates(1)[0].drawn < 1


def test_the_unknown_sign_is_no_candidate_and_is_not_put() -> None:
    made = together(vocabulary=Letters(unknown_id=4))
    assert 4 not in [one.index for one in made.candidates(10)]
    assert len(made.candidates(10)) == 9
    assert sum(one.drawn for one in made.candidates(10)) == pytest.approx(1)
    with pytest.raises(CharloopError, match="does not know"):
        made.put([2, 4])
    assert made.ids == []


def test_a_temperature_out_of_range_changes_nothing() -> None:
    made = together()
    with pytest.raises(CharloopError, match="temperature"):
        made.set_temperature(-0.1)
    assert made.config.temperature == 1.0


def test_what_was_taken_back_is_not_simply_drawn_again() -> None:
    """Else a person who does not like a word could never get another."""
    made, words = together(seed=5), set()
    for _ in range(12):
        words.add(draw(made, "word"))
        made.take_back_piece()
    assert len(words) > 3
    expected = generate(ELMAN, WEIGHTS, LETTERS, "abc", SamplingConfig(seed=5, length=1, num_samples=2))
    made = together(seed=5)
    first = draw(made, "character")
    made.take_back()
    assert [first, draw(made, "character")] == expected


def test_pieces() -> None:
    """What was typed in a row is one, each draw is one, and there is no piece before the first."""
    made = together()
    made.put([2])
    made.put([3, 4])
    drawn = [draw(made, "word"), draw(made, "word")]
    made.put([5])
    made.take_back()
    made.take_back()
    left = len(drawn[1]) - 1
    assert text(made) == "abc" + drawn[0] + drawn[1][:left]
    sizes = []
    for _ in range(4):
        before = len(made.ids)
        made.take_back_piece()
        sizes.append(before - len(made.ids))
    assert sizes == [*([left] if left else []), len(drawn[0]), 3, 0, 0][:4]
    made.take_back()
    assert made.ids == []


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
def test_after_any_acts_it_stands_where_its_text_alone_would_lead(acts: list[tuple[str, Any]]) -> None:
    made, expected = together(), list[int]()
    for act, what in acts:
        if act == "put":
            made.put(what)
            expected += what
        elif act == "draw":
            drawn = LETTERS.encode(draw(made, what)).tolist()
            expected += drawn
        else:
            getattr(made, act)()
            assert made.ids == expected[: len(made.ids)]
            lost = len(expected) - len(made.ids)
            assert lost == min(1, len(expected)) if act == "take_back" else lost >= min(1, len(expected))
            expected = expected[: len(made.ids)]
    assert made.ids == expected
    alone = together()
    alone.put(expected)
    assert [one.bits for one in alone.written] == [one.bits for one in made.written]
    np.testing.assert_array_equal(alone.tick.logits, made.tick.logits)


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
    assert is_over(text, unit) is over
