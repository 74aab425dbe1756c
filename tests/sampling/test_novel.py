"""No copy is longer than asked for: of any network, by looking for every piece."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling_fakes import ELMAN, LETTERS, WEIGHTS

from charloop.errors import CharloopError
from charloop.originality import SuffixIndex
from charloop.sampling import Novel, SamplingConfig, generate_texts
from charloop.sampling.compiled_loop import make_row_keys


def novel(text: str, longest: int) -> Novel:
    return Novel(SuffixIndex.of(LETTERS.encode(text).astype(np.uint8)), longest, LETTERS.size)


def pieces(text: str, size: int, least_end: int = 0) -> set[str]:
    """Every piece of `size` characters that ends behind `least_end`."""
    return {text[at : at + size] for at in range(len(text) - size + 1) if at + size > least_end}


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_no_piece_longer_than_allowed_is_in_the_training_text(data: st.DataObject) -> None:
    seed, longest = data.draw(st.integers(0, 50)), data.draw(st.integers(2, 6))
    config = SamplingConfig(length=60, seed=seed, temperature=data.draw(st.sampled_from([0.0, 0.5, 1.0])))
    weights = ELMAN.init(seed)
    # What the network itself writes is as tempting as a text can be.
    own = generate_texts(ELMAN, weights, LETTERS, "ab", config)[0]
    learned = own + data.draw(st.text("abc \n", max_size=20)) + own[::-1]
    prompt = data.draw(st.sampled_from(["", "ab", "ab" + own[:5], own[:9], "h"]))
    text = prompt + generate_texts(ELMAN, weights, LETTERS, prompt, config, [novel(learned, longest)])[0]
    assert len(text) == len(prompt) + 60
    assert not pieces(text, longest + 1, len(prompt)) & pieces(learned, longest + 1)


def test_a_copy_that_continues_the_prompt_counts() -> None:
    """At temperature 0 the same network continues as it began; only one more character of it may be written."""
    config = SamplingConfig(length=30, temperature=0.0)
    own = generate_texts(ELMAN, WEIGHTS, LETTERS, "ab", config)[0]
    assert len(set(own[10:20])) > 1
    for prompt, expected in (("ab" + own[:4], 1), ("ab" + own[:5], 0), ("ab" + own[:9], 0)):
        text = generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config, [novel("ab" + own, 7)])[0]
        follows = ("ab" + own)[len(prompt) :]
        shared = next(at for at in range(30) if text[at] != follows[at])
        assert shared <= expected


def test_as_many_as_are_allowed_may_be_copied() -> None:
    config = SamplingConfig(length=30, temperature=0.0)
    own = generate_texts(ELMAN, WEIGHTS, LETTERS, "ab", config)[0]
    for longest in (31, 40):
        assert generate_texts(ELMAN, WEIGHTS, LETTERS, "ab", config, [novel(own, longest)])[0] == own
    assert generate_texts(ELMAN, WEIGHTS, LETTERS, "ab", config, [novel("ab" + own, 31)])[0] != own


def test_a_novelty_that_no_text_has_is_refused() -> None:
    rule = novel("".join(a + b for a in LETTERS.symbols for b in LETTERS.symbols), 1)
    with pytest.raises(CharloopError, match="no text that satisfies novel 1 was found in"):
        generate_texts(ELMAN, WEIGHTS, LETTERS, "", SamplingConfig(length=30), [rule])


def test_a_novelty_below_one_is_refused() -> None:
    with pytest.raises(CharloopError, match="novel: got 0; allowed: 1 or more"):
        novel("abc", 0)


def test_a_training_text_shorter_than_the_piece_forbids_nothing() -> None:
    config = SamplingConfig(length=40)
    plain = generate_texts(ELMAN, WEIGHTS, LETTERS, "", config)
    for text in ("", "a", "abc"):
        assert generate_texts(ELMAN, WEIGHTS, LETTERS, "", config, [novel(text, 3)]) == plain


def test_the_second_text_and_all_after_it_compile_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rule = novel("abcabcabd", 3)

    def write(count: int) -> list[str]:
        config = SamplingConfig(length=12, num_samples=count, seed=1)
        return generate_texts(ELMAN, ELMAN.init(1), LETTERS, "a", config, [rule])

    first = write(2)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        texts = write(7)
    assert [line for line in caplog.messages if "ompil" in line] == []
    assert texts[:2] == first
    assert len(set(texts)) > 1


def test_a_text_is_the_same_however_many_are_written() -> None:
    """By the same keys as those of texts that are written side by side."""
    side_by_side = np.asarray(jax.random.key_data(make_row_keys(5, 9)))
    alone = [np.asarray(jax.random.key_data(make_row_keys(5, 1, number)))[0] for number in range(9)]
    np.testing.assert_array_equal(side_by_side, alone)
