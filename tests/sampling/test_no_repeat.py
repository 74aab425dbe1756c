"""No sequence of N characters comes twice: against a search in NumPy, and in the texts that are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampling_fakes import ELMAN, LETTERS, WEIGHTS

from charloop.errors import CharloopError
from charloop.sampling import NoRepeat, SamplingConfig, generate_texts, stream_text


def twin_of_allowed(ids: list[int], size: int, vocab: int) -> list[bool]:
    """Whether each id may come next, by comparing all sequences."""
    seen = {tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)}
    return [(*ids[len(ids) - size + 1 :], index) not in seen for index in range(vocab)]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6), st.integers(0, 40))
def test_exactly_what_would_repeat_a_sequence_is_forbidden(ids: list[int], size: int, cut: int) -> None:
    rule = NoRepeat(size, 4)
    state = rule.start(np.array(ids[:cut], np.int32))
    for index in ids[cut:]:
        state = rule.after(state, index)
    assert rule.allowed(state, 9).tolist() == twin_of_allowed(ids, size, 4)


def count_repeated(text: str, size: int) -> int:
    sequences = [text[start : start + size] for start in range(len(text) - size + 1)]
    return len(sequences) - len(set(sequences))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_a_text_repeats_no_sequence_not_even_of_the_prompt(temperature: float) -> None:
    prompt, config = "abc dab", SamplingConfig(length=60, temperature=temperature)
    rules = [NoRepeat(3, LETTERS.size)]
    assert count_repeated(prompt + generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config)[0], 3) > 0
    (text,) = generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config, rules)
    assert (len(text), count_repeated(prompt + text, 3)) == (60, 0)
    assert "".join(stream_text(ELMAN, WEIGHTS, LETTERS, prompt, config, rules)) == text


def test_a_length_that_repeats_whatever_is_written_is_refused() -> None:
    # The prompt leaves three characters.
    prompt, config, rules = "abcdefg", SamplingConfig(length=4), [NoRepeat(1, LETTERS.size)]
    with pytest.raises(CharloopError, match="no text that satisfies no-repeat 1"):
        generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config, rules)
    with pytest.raises(CharloopError, match="no-repeat: got 0; allowed: 1 or more"):
        NoRepeat(0, 4)
