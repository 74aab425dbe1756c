"""Ids: prompts read in one pass, characters written in blocks, against loops of one character at a time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling_fakes import ALPHABET, ELMAN, WEIGHTS, Elman, Steady

from charloop.errors import CharloopError
from charloop.sampling import AtWordStarts, Chain, Greedy, Sample, Temperature, TopK, TopP
from charloop.sampling.compiled_loop import BLOCK, begin_writing, write_blocks
from charloop.sampling.prompt import read_prompt

VOCAB = len(ALPHABET)
PROMPT = np.array([3, 1, 4, 1, 5], np.int32)
BY_CHANCE = Sample(Chain())


def write_all(
    model: Any,
    picker: Any,
    params: Any,
    length: int,
    *,
    prompt: Any = PROMPT,
    rows: int = 1,
    seed: int = 0,
    block: int = 512,
) -> np.ndarray:
    """Write the `length` ids of each batch row that follow `prompt`."""
    return np.concatenate(
        list(
            write_blocks(
                model, picker, params, begin_writing(model, params, prompt, rows, seed), length, block
            )
        )
    )


def logits_before(model: Elman, params: Any, prompt: np.ndarray, written: np.ndarray) -> np.ndarray:
    """The logits each character of one batch row was picked from, by one plain pass over prompt and text."""
    ids = np.concatenate([prompt, written])[:-1, None]
    logits, _ = model.apply(params, jnp.array(ids), model.initial_state(1))
    return np.asarray(logits[len(prompt) - 1 :, 0])


def test_greedy_is_the_loop_of_argmax_one_character_at_a_time() -> None:
    params, state, expected = WEIGHTS, ELMAN.initial_state(1), []
    step = jax.jit(ELMAN.apply)
    for index in PROMPT:
        logits, state = step(params, jnp.full((1, 1), index), state)
    for _ in range(50):
        expected.append(int(logits[0, 0].argmax()))
        logits, state = step(params, jnp.full((1, 1), expected[-1]), state)
    assert write_all(ELMAN, Greedy(), params, 50)[:, 0].tolist() == expected
    assert write_all(ELMAN, BY_CHANCE, params, 50)[:, 0].tolist() != expected


@pytest.mark.parametrize("length", [0, 1, 2, 15, 16, 17, 100, 1024, 1025, 2500])
def test_a_prompt_read_in_one_pass_leaves_the_state_of_one_character_at_a_time(length: int) -> None:
    model = ELMAN
    params, state = model.init(), model.initial_state(1)
    prompt = np.random.default_rng(0).integers(0, VOCAB, length)
    step = jax.jit(lambda params, ids, state: model.apply(params, ids, state)[1])
    for index in prompt:
        state = step(params, jnp.full((1, 1), index), state)
    np.testing.assert_allclose(read_prompt(model, params, prompt)["h"], state["h"], atol=1e-5)
    if length:
        assert abs(state["h"] - model.initial_state(1)["h"]).max() > 0.1


@pytest.mark.parametrize("block", [1, 7, 32])
def test_the_length_of_blocks_does_not_change_the_text(block: int) -> None:
    model = ELMAN
    whole = write_all(model, BY_CHANCE, model.init(), 70, rows=2)
    assert whole.shape == (70, 2)
    np.testing.assert_array_equal(write_all(model, BY_CHANCE, model.init(), 70, rows=2, block=block), whole)


def test_a_batch_row_does_not_depend_on_the_number_of_rows() -> None:
    model = ELMAN
    one, three = (write_all(model, BY_CHANCE, model.init(), 60, rows=rows) for rows in (1, 3))
    np.testing.assert_array_equal(three[:, :1], one)
    assert (three[:, 1] != three[:, 0]).any()
    assert (three[:, 2] != three[:, 1]).any()


def test_a_seed_is_one_text_and_another_seed_another() -> None:
    model = ELMAN
    first, again, other = (
        write_all(model, BY_CHANCE, model.init(), 60, seed=seed) for seed in (5, 5, 2**32 - 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    assert (counts[expected == 0] == 0).all()
    likely = expected > 0
    return float(((counts - expected)[likely] ** 2 / expected[likely]).sum())


@pytest.mark.parametrize(
    ("filters", "weights"),
    [
        ((), [8, 4, 2, 1, 1]),
        ((Temperature(0.5),), [64, 16, 4, 1, 1]),
        ((TopK(4),), [8, 4, 2, 1, 0]),
        ((TopP(0.75),), [8, 4, 0, 0, 0]),
    ],
)
def test_characters_are_as_frequent_as_they_are_probable(filters: Any, weights: list[int]) -> None:
    model, rows, length = Steady((8, 4, 2, 1, 1)), 50, 400
    written = write_all(model, Sample(Chain(filters)), {}, length, prompt=np.zeros(1, int), rows=rows)
    share = np.array(weights) / sum(weights)
    # 20 and 45 are passed by chance once in 2,000 and 10,000 times with 4 and 16 degrees of freedom.
    assert chi_square(np.bincount(written.ravel(), minlength=5), share * rows * length) < 20
    # Neighbours in a text, and neighbours in the batch, know nothing of each other.
    for one, other in ((written[:-1:2], written[1::2]), (written[:, ::2], written[:, 1::2])):
        pairs = np.bincount((5 * one + other).ravel(), minlength=25)
        assert chi_square(pairs, np.outer(share, share).ravel() * one.size) < 45


def test_within_words_the_likeliest_and_by_chance_only_at_their_starts() -> None:
    model = ELMAN
    ends_word = np.array([letter.isspace() for letter in ALPHABET])
    picker = AtWordStarts(Sample(Chain((Temperature(3.0),))), jnp.array(ends_word))
    written = write_all(model, picker, model.init(8), 300)[:, 0]
    likeliest = logits_before(model, model.init(8), PROMPT, written).argmax(-1)
    after_space = ends_word[np.concatenate([PROMPT[-1:], written[:-1]])]
    assert after_space.sum() > 10
    assert (written == likeliest)[~after_space].all()
    assert (written != likeliest)[after_space].any()
    always = write_all(model, Sample(Chain((Temperature(3.0),))), model.init(8), 300)[:, 0]
    assert (always != logits_before(model, model.init(8), PROMPT, always).argmax(-1)).mean() > 0.2


def test_other_numbers_use_the_compiled_program() -> None:
    model = Elman()

    def write_some(
        length: int, prompt: int, seed: int, temperature: float, k: int, p: float, weights: int
    ) -> None:
        picker = Sample(Chain((Temperature(temperature), TopK(k), TopP(p))))
        ids = np.zeros(prompt, np.int32)
        write_all(model, picker, model.init(weights), length, prompt=ids, seed=seed, block=32)

    write_some(40, 18, 0, 1.0, 3, 0.5, 0)
    assert model.traces == [32, 1]
    write_some(77, 30, 1, 0.25, 5, 0.75, 1)
    assert model.traces == [32, 1]
    write_some(40, 40, 0, 1.0, 3, 0.5, 0)
    assert model.traces == [32, 1, 64]
    write_all(model, Greedy(), model.init(), 5, prompt=np.zeros(20, int))
    assert model.traces == [32, 1, 64, 1]


def test_long_prompts_share_one_program() -> None:
    model = Elman()
    for length in (1025, 3000, 5000):
        read_prompt(model, model.init(), np.zeros(length, np.int32))
    assert model.traces == [1024]


def test_progress_is_a_value_that_can_be_restored() -> None:
    model = ELMAN
    start = begin_writing(model, model.init(), PROMPT, 1, 0)
    first, second = (list(write_blocks(model, BY_CHANCE, model.init(), start, 40, 16)) for _ in range(2))
    first, second = np.concatenate(first), np.concatenate(second)
    assert (first == second).all()
    assert (first[:16] != first[16:32]).any()


@pytest.mark.parametrize(("smooth", "sizes"), [(0.0, [16, 16, 16, 2]), (1e9, [16, 32, 2])])
def test_blocks_grow_while_they_are_quick(
    smooth: float, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.sampling.compiled_loop.SMOOTH_SECONDS", smooth)
    model = ELMAN
    start = begin_writing(model, model.init(), PROMPT, 1, 0)
    written = write_blocks(model, BY_CHANCE, model.init(), start, sum(sizes), 16)
    assert [len(block) for block in written] == sizes


def test_a_block_is_never_longer_than_the_program_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.sampling.compiled_loop.SMOOTH_SECONDS", 1e9)
    model = ELMAN
    start = begin_writing(model, model.init(), PROMPT, 1, 0)
    written = write_blocks(model, BY_CHANCE, model.init(), start, 3 * BLOCK, BLOCK // 2)
    assert [len(block) for block in written] == [BLOCK // 2, BLOCK, BLOCK, BLOCK // 2]


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_weights_without_probabilities_are_refused(bad: float) -> None:
    model = ELMAN
    params = model.init() | {"y": model.init()["y"].at[0, 0].set(bad)}
    with pytest.raises(CharloopError, match="no probabilities"):
        write_all(model, BY_CHANCE, params, 5)


def test_a_setting_of_another_random_generator_does_not_change_a_seed() -> None:
    model = ELMAN
    before = write_all(model, BY_CHANCE, model.init(), 30)
    params = model.init()
    with jax.default_prng_impl("rbg"):
        np.testing.assert_array_equal(write_all(model, BY_CHANCE, params, 30), before)
