"""The penalty on characters written before: against lists in Python, in all ways to write, with one program."""

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Elman, Letters, Steady, begin_session
from test_backtracking import Rule

from charloop.sampling import Beginning, NoRepeat, SamplingConfig, generate_texts, stream_text
from charloop.sampling.along_text import NEVER, RepetitionPenalty, age, begin_ages, make_penalty, settle
from charloop.sampling.documents import Writer
from charloop.sampling.pickers import make_picker

VOCAB = len(ALPHABET)
PROMPT = "abc dab"


def twin_of_penalty(
    logits: np.ndarray, text: list[int], penalty: float, window: int, end: int | None = None
) -> np.ndarray:
    """The logits after `text`, one character after the other."""
    counted = text[-window:] if window else text
    changed = logits.astype(np.float32).copy()
    for index in set(counted) - {end}:
        changed[index] = (
            changed[index] / np.float32(penalty)
            if changed[index] > 0
            else changed[index] * np.float32(penalty)
        )
    return changed


@given(
    st.lists(st.integers(0, 5), max_size=30),
    st.integers(0, 30),
    st.integers(0, 12),
    st.sampled_from([0.5, 1.3, 7.0]),
    st.sampled_from([None, 2]),
)
def test_exactly_the_last_characters_count(
    text: list[int], cut: int, window: int, penalty: float, end: int | None
) -> None:
    config = SamplingConfig(repetition_penalty=penalty, repetition_window=window)
    vocabulary = Letters("abcdef", end_id=end)
    written = [index for index in text[cut:] if index != end]
    text = text[:cut] + written
    ages = begin_ages(config, vocabulary, np.array(text[:cut], np.int32))
    assert ages is not None
    rows = jnp.array([ages, np.roll(ages, 1)])
    for index in written:
        rows = age(rows, jnp.array([index, (index + 1) % 6]))
    filter_ = make_penalty(config)
    logits = np.array([3.0, -2.0, 1e-3, -np.inf, 0.0, -1e-3], np.float32)
    found = settle(filter_, 0, rows)(jnp.array([logits, np.roll(logits, 1)]))
    expected = twin_of_penalty(logits, text, penalty, window, end)
    np.testing.assert_allclose(found, [expected, np.roll(expected, 1)], rtol=1e-6)


def test_ages_neither_overflow_nor_reach_never() -> None:
    config = SamplingConfig(repetition_penalty=2.0, repetition_window=0)
    ages = jnp.array([[NEVER - 2, NEVER - 1, NEVER]], jnp.int32)
    for _ in range(3):
        ages = age(ages, jnp.array([0]))
    assert ages.tolist() == [[1, NEVER - 1, NEVER]]
    assert settle(make_penalty(config), 0, ages)(jnp.ones((1, 3))).tolist() == [[0.5, 0.5, 1.0]]


def write_slowly(config: SamplingConfig, prompt: str, bias: np.ndarray) -> str:
    """Greedy writing, one character after the other, from the logits after each."""
    step = jax.jit(ELMAN.apply)
    ids, state = LETTERS.encode(prompt).tolist(), ELMAN.initial_state(1)
    for read in range(len(prompt) + config.length - 1):
        logits, state = step(WEIGHTS, jnp.array([[ids[read]]]), state)
        if read + 1 == len(ids):
            penalised = twin_of_penalty(
                np.asarray(logits[0, 0]) + bias, ids, config.repetition_penalty, config.repetition_window
            )
            ids.append(int(penalised.argmax()))
    return LETTERS.decode(ids[len(prompt) :])


class Still(Steady):
    """The same probabilities whatever it reads, which may be long."""

    def apply(self, *read: Any, lengths: Any = None) -> Any:  # noqa: ARG002
        return super().apply(*read)


def write(config: SamplingConfig, prompt: str = PROMPT, *rules: Any, **more: Any) -> list[str]:
    return generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config, rules, **more)


@pytest.mark.parametrize("window", [0, 1, 4])
@pytest.mark.parametrize("bias", [{}, {"a": -1.5, "e": 3.0}], ids=["plain", "biased"])
def test_greedy_is_the_argmax_after_bias_and_penalty(window: int, bias: dict[str, float]) -> None:
    config = SamplingConfig(
        length=25, temperature=0.0, repetition_penalty=1.7, repetition_window=window, bias=bias
    )
    values = np.array([bias.get(letter, 0.0) for letter in ALPHABET], np.float32)
    assert write(config) == [write_slowly(config, PROMPT, values)]


@pytest.mark.parametrize("penalty", [1.5, 0.6])
def test_it_comes_before_the_temperature(penalty: float) -> None:
    session = begin_session(PROMPT, temperature=0.5, repetition_penalty=penalty, repetition_window=3)
    start, text = session.mark(), LETTERS.encode(PROMPT + "hg").tolist()
    session.read("hg")
    for seen in (text, text[:-2]):
        found = session.next()
        weights = np.exp(twin_of_penalty(np.asarray(found.text.logits[0]), seen, penalty, 3) / 0.5)
        np.testing.assert_allclose(found.draw_probabilities, weights / weights.sum(), rtol=1e-4)
        session.rewind(start)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"temperature": 0.0},
        {"mode": "words", "temperature": 2.0},
        {"top_k": 3, "bias": {"a": 1.0}},
        {"top_p": 0.8, "min_p": 0.02, "temperature": (2.0, 0.5), "repetition_window": 0},
    ],
    ids=str,
)
def test_all_ways_to_write_follow_it(more: dict[str, Any]) -> None:
    config = SamplingConfig(
        **{"length": 80, "seed": 3, "repetition_penalty": 2.0, "repetition_window": 5} | more
    )
    (text,) = write(config)
    assert [text] != write(SamplingConfig(length=80, seed=3, **more))
    assert write(config, PROMPT, Rule()) == [text]
    assert "".join(stream_text(ELMAN, WEIGHTS, LETTERS, PROMPT, config)) == text
    session = begin_session(PROMPT, **asdict(config))
    assert "".join(session.write(count) for count in (1, 50, 29)) == text
    prompt = LETTERS.encode(PROMPT)
    ages = begin_ages(config, LETTERS, prompt)
    writer = Writer(ELMAN, WEIGHTS, make_picker(config, LETTERS), prompt, -5, config.seed, 80, ages)
    for drafts in (writer.write(0, 1), writer.write(0, 3)):
        assert PROMPT[1:] + text == LETTERS.decode(drafts[0].ids)


def test_a_sample_is_the_same_beside_others_and_its_blocks_do_not_change_it() -> None:
    settings: dict[str, Any] = {"length": 600, "repetition_penalty": 1.6, "repetition_window": 9}
    texts = write(SamplingConfig(num_samples=3, **settings))
    assert len(set(texts)) == 3
    assert write(SamplingConfig(**settings)) == texts[:1]
    assert "".join(stream_text(ELMAN, WEIGHTS, LETTERS, PROMPT, SamplingConfig(**settings))) == texts[0]
    assert write(SamplingConfig(num_samples=3, **settings), PROMPT, Rule()) == texts


def test_a_prompt_and_a_context_count_and_a_prefix_does_not() -> None:
    config = SamplingConfig(length=20, temperature=0.0, repetition_penalty=50.0, repetition_window=0)
    model = Still((1, 2, 3, 4, 5, 6, 7, 8, 9, 10))

    def first(prompt: str, beginning: Beginning) -> str:
        return generate_texts(model, {}, LETTERS, prompt, config, beginning=beginning)[0][0]

    # The logits of all but the first are positive: what was written falls behind what was not.
    assert first("", Beginning("h")) == first("", Beginning("hg")) == "h"
    assert first("h", Beginning("g")) == "g"
    assert first("h", Beginning("g", is_context=True)) == "f"
    assert first("", Beginning("hg", is_context=True)) == "f"


def test_it_holds_under_constraints() -> None:
    config = SamplingConfig(length=40, temperature=0.0, repetition_penalty=1.7, repetition_window=4)
    (text,) = write(config, PROMPT, NoRepeat(2, VOCAB))
    assert [text] != write(SamplingConfig(length=40, temperature=0.0), PROMPT, NoRepeat(2, VOCAB))
    pairs = list(pairwise(PROMPT + text))
    # Only the prompt has one twice.
    assert len(pairs) == len(set(pairs)) + 1


def test_one_program_serves_all_penalties_and_windows_and_another_none() -> None:
    model = Elman()
    for penalty, window in ((1.2, 0), (3.0, 7), (0.5, 64)):
        config = SamplingConfig(length=20, repetition_penalty=penalty, repetition_window=window)
        generate_texts(model, WEIGHTS, LETTERS, "a", config)
    assert model.traces == [1]
    generate_texts(model, WEIGHTS, LETTERS, "a", SamplingConfig(length=20))
    assert model.traces == [1, 1]
    assert isinstance(make_penalty(config), RepetitionPenalty)
    assert make_penalty(SamplingConfig()) is None
    assert begin_ages(SamplingConfig(), LETTERS, LETTERS.encode("a")) is None
