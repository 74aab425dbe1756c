"""Forbidden and biased characters: against softmax in NumPy, in all three ways to write, with one program."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Elman, Letters, Octets, Steady, begin_session
from test_backtracking import Rule

from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate_texts
from charloop.sampling.bias import make_bias
from charloop.sampling.documents import Writer
from charloop.sampling.pickers import make_picker

BIASED: dict[str, Any] = {"bias": {"c": -1.5, "h": 2.0}, "forbid": "be?", "seed": 3}


def write(model: Any, params: Any, config: SamplingConfig, vocabulary: Any = LETTERS, *rules: Rule) -> str:
    return generate_texts(model, params, vocabulary, "a", config, rules)[0]


def twin_of_sampling(logits: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities of `BIASED`: bias, then temperature, then softmax, one character after the other."""
    weights = []
    for letter, logit in zip(ALPHABET, logits.astype(np.float64), strict=True):
        biased = logit + BIASED["bias"].get(letter, 0)
        weights.append(0.0 if letter in BIASED["forbid"] else np.exp(biased / temperature))
    return np.array(weights) / sum(weights)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_the_bias_comes_before_the_temperature(temperature: float) -> None:
    found = begin_session("ab", temperature=temperature, **BIASED).next()
    expected = twin_of_sampling(np.asarray(found.text.logits[0]), temperature)
    np.testing.assert_allclose(found.draw_probabilities, expected, rtol=1e-4)


def test_characters_are_as_frequent_as_their_bias_makes_them() -> None:
    config = SamplingConfig(length=20_000, **BIASED)
    text = write(Steady((3, 1, 4, 1, 5, 9, 2, 6, 5, 3)), {}, config)
    expected = twin_of_sampling(np.log([3, 1, 4, 1, 5, 9, 2, 6, 5, 3]), 1.0)
    share = np.array([text.count(letter) for letter in ALPHABET]) / len(text)
    assert (abs(share - expected) <= 5 * np.sqrt(expected / len(text))).all()
    assert (share[expected == 0] == 0).all()


@pytest.mark.parametrize(
    "more", [{}, {"temperature": 0.0}, {"mode": "words", "temperature": 2.0}, {"top_k": 3}], ids=str
)
def test_all_ways_to_write_follow_it(more: dict[str, Any]) -> None:
    config = SamplingConfig(length=80, **BIASED, **more)
    text = write(ELMAN, WEIGHTS, config)
    assert not set(text) & set("be")
    assert text != write(ELMAN, WEIGHTS, SamplingConfig(length=80, seed=3, **more))
    assert text == write(ELMAN, WEIGHTS, config, LETTERS, Rule())
    assert text == begin_session("a", **asdict(config)).write()
    prompt = LETTERS.encode("a")
    writer = Writer(ELMAN, WEIGHTS, make_picker(config, LETTERS), prompt, -5, config.seed, 80)
    assert text == LETTERS.decode(writer.write(0, 1)[0].ids)


def test_where_only_a_forbidden_character_is_allowed_the_text_goes_another_way() -> None:
    only_b_after_a = Rule(forbids=lambda text: ALPHABET.replace("b", "") if text.endswith("a") else "")
    text = write(Steady((1,) * 10), {}, SamplingConfig(length=200, forbid="b"), LETTERS, only_b_after_a)
    assert not set(text[:-1]) & set("ab")


def test_a_bias_of_nothing_changes_nothing_and_the_unknown_symbol_stays_forbidden() -> None:
    for vocabulary in (LETTERS, Letters(unknown_id=5)):
        plain = write(ELMAN, WEIGHTS, SamplingConfig(length=200), vocabulary)
        assert plain == write(ELMAN, WEIGHTS, SamplingConfig(length=200, bias={"a": 0}), vocabulary)
        assert plain == write(ELMAN, WEIGHTS, SamplingConfig(length=200, forbid="?"), vocabulary)


def test_one_program_serves_all_biases() -> None:
    model = Elman()
    for settings in ({"forbid": "a"}, {"forbid": "bcd"}, {"bias": {"a": 1.0, "b": 2.0}}, BIASED):
        write(model, WEIGHTS, SamplingConfig(length=20, **settings))
    assert model.traces == [1]


def test_what_leaves_nothing_is_refused_and_characters_that_are_not_known_are_not_written_anyway() -> None:
    for vocabulary, forbid in (
        (Letters("abc"), "cab"),
        (Letters("abc", 2, 1), "a"),
        (Letters("abc", 2), "ab"),
    ):
        with pytest.raises(CharloopError, match="forbid leaves no character"):
            make_bias(SamplingConfig(forbid=forbid), vocabulary)
    assert make_bias(SamplingConfig(forbid="ax"), Letters("abc")).values.tolist() == [-np.inf, 0, 0]


def test_a_bias_of_a_character_that_is_not_known_is_refused_or_skipped() -> None:
    with pytest.raises(CharloopError, match="does not know: got 'x'"):
        make_bias(SamplingConfig(bias={"x": 1}), Letters("abc"))
    skipped = SamplingConfig(bias={"x": 1, "b": 2}, unknown="skip")
    assert make_bias(skipped, Letters("abc")).values.tolist() == [0, 2, 0]


@pytest.mark.parametrize("settings", [{"forbid": "é"}, {"bias": {"é": 1.0}}], ids=str)
def test_for_a_network_of_bytes_a_character_of_several_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CharloopError, match="several bytes: got 'é'; allowed: one byte each"):
        make_bias(SamplingConfig(**settings), Octets())
