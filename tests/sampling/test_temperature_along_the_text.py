"""A temperature that changes along the text: against NumPy, in all ways to write, with one program."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Elman, Steady, begin_session
from test_backtracking import Rule

from charloop.sampling import SamplingConfig, generate_texts
from charloop.sampling.documents import Writer
from charloop.sampling.pickers import make_picker
from charloop.sessions.interactive import InteractiveSession

LENGTH = 60
STEADY = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)


def write(config: SamplingConfig, model: Any = ELMAN, params: Any = WEIGHTS, *rules: Rule) -> str:
    return generate_texts(model, params, LETTERS, "a", config, rules)[0]


def begin(config: SamplingConfig) -> InteractiveSession:
    return InteractiveSession(begin_session("a", **asdict(config)))


def temperature_twin(first: float, last: float, length: int, position: int) -> float:
    return float(np.interp(position, [0, max(length - 1, 1)], [first, last]))


@pytest.mark.parametrize(("first", "last", "length"), [(0.4, 1.1, 7), (3.0, 0.25, 20), (0.5, 2.0, 1)])
def test_the_temperature_goes_in_a_line_from_the_first_character_to_the_last(
    first: float, last: float, length: int
) -> None:
    session = begin(SamplingConfig(length=length, temperature=(first, last)))
    for position in range(length + 3):
        temperature = temperature_twin(first, last, length, position)
        np.testing.assert_allclose(session.temperature, temperature, rtol=1e-5)
        weights = np.exp(np.asarray(session.session.next().text.logits[0], np.float64) / temperature)
        drawn = {one.index: one.draw_probability for one in session.candidates(len(ALPHABET))}
        twin = weights / weights.sum()
        np.testing.assert_allclose([drawn[i] for i in range(len(ALPHABET))], twin, rtol=1e-3, atol=1e-9)
        list(session.draw("character"))


def test_characters_are_as_frequent_at_each_position_as_its_temperature_makes_them() -> None:
    config = SamplingConfig(length=5, temperature=(0.3, 3.0), num_samples=4096)
    texts = generate_texts(Steady(STEADY), {}, LETTERS, "a", config)
    for position in range(5):
        share = np.mean([text[position] == ALPHABET[-1] for text in texts])
        weights = np.array(STEADY) ** (1 / temperature_twin(0.3, 3.0, 5, position))
        expected = weights[-1] / weights.sum()
        assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / len(texts))


@pytest.mark.parametrize("more", [{}, {"mode": "words"}, {"top_k": 4, "bias": {"a": 1.0}}], ids=str)
@pytest.mark.parametrize("temperature", [(0.1, 4.0), (4.0, 0.0)], ids=str)
def test_all_ways_to_write_follow_it(temperature: tuple[float, float], more: dict[str, Any]) -> None:
    config = SamplingConfig(length=LENGTH, temperature=temperature, seed=3, **more)
    text = write(config)
    for end in temperature:
        assert text != write(SamplingConfig(length=LENGTH, temperature=end, seed=3, **more))
    assert text == write(config, ELMAN, WEIGHTS, Rule())
    session = begin(config)
    for _ in range(LENGTH):
        list(session.draw("character"))
    assert text == LETTERS.decode(session.ids)
    prompt, picker = LETTERS.encode("a"), make_picker(config, LETTERS)
    writer = Writer(ELMAN, WEIGHTS, picker, prompt, -5, config.seed, LENGTH)
    assert text == LETTERS.decode(writer.write(0, 1)[0].ids)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_from_a_temperature_to_the_same_is_that_temperature(temperature: float) -> None:
    both = (write(SamplingConfig(temperature=value)) for value in (temperature, (temperature, temperature)))
    assert next(both) == next(both)


def test_a_temperature_that_falls_to_zero_ends_with_the_likeliest_character() -> None:
    texts = generate_texts(
        Steady(STEADY), {}, LETTERS, "", SamplingConfig(length=3, temperature=(9.0, 0.0), num_samples=64)
    )
    assert {text[-1] for text in texts} == {ALPHABET[-1]}
    assert len({text[0] for text in texts}) > 5


def test_one_program_serves_all_ramps() -> None:
    model = Elman()
    for temperature, length in (((0.4, 1.1), 20), ((1.1, 0.0), 33), ((2.0, 2.0), 1)):
        write(SamplingConfig(temperature=temperature, length=length), model, model.init())
    assert model.traces == [1]


def test_a_temperature_set_by_hand_stays() -> None:
    session = begin(SamplingConfig(length=9, temperature=(0.4, 1.2)))
    for _ in range(4):
        list(session.draw("character"))
    np.testing.assert_allclose(session.temperature, 0.8)
    session.set_temperature(0.9)
    list(session.draw("character"))
    assert session.temperature == 0.9
