"""Sampling from the real network with the real vocabulary instead of fakes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data.vocabulary import Vocabulary
from charloop.devices import batch_sharding, make_mesh
from charloop.model import CharLM
from charloop.sampling import LanguageModel, SamplingConfig, TextVocabulary, generate_texts, stream_text
from charloop.sampling.compiled_loop import begin_writing

VOCABULARY = Vocabulary.of_text("\n ROMEO:abcé")
SIZES = {"num_layers": 2, "hidden_size": 7, "embed_size": 5}


def build(vocabulary: Vocabulary = VOCABULARY, **settings: Any) -> tuple[CharLM, dict[str, jax.Array]]:
    """A network with weights so great that its choices differ from character to character."""
    model = CharLM.build(ModelConfig(**{**SIZES, **settings}), vocabulary.size)
    return model, jax.tree.map(lambda weight: 4 * weight, model.init(jax.random.key(0)))


def test_the_model_and_its_vocabulary_satisfy_the_protocols_of_sampling() -> None:
    assert isinstance(build()[0], LanguageModel)
    assert isinstance(VOCABULARY, TextVocabulary)


@pytest.mark.parametrize("prompt", ["R", "ROMEO:\nabc", "ROMEO: é\n" * 130])
def test_greedy_text_is_the_loop_of_argmax(prompt: str) -> None:
    model, params = build()
    step = jax.jit(model.apply)
    state, expected = model.initial_state(1), []
    for index in VOCABULARY.encode(prompt):
        logits, state = step(params, jnp.full((1, 1), index), state)
    for _ in range(40):
        expected.append(int(logits[0, 0].argmax()))
        logits, state = step(params, jnp.full((1, 1), expected[-1]), state)
    text = generate_texts(model, params, VOCABULARY, prompt, SamplingConfig(length=40, temperature=0.0))
    assert text == [VOCABULARY.decode(np.array(expected))]


def test_writing_uses_no_dropout() -> None:
    dropout = {"dropout_input": 0.9, "dropout_between": 0.9, "dropout_output": 0.9}
    (model, params), (dropping, _) = build(), build(**dropout)
    ids = jnp.array(VOCABULARY.encode("ROMEO")[:, None])
    with_key = dropping.apply(params, ids, dropping.initial_state(1), key=jax.random.key(0))[0]
    assert (with_key != model.apply(params, ids, model.initial_state(1))[0]).any()
    config = SamplingConfig(length=80, num_samples=2)
    texts = [generate_texts(one, params, VOCABULARY, "ROMEO:", config) for one in (model, dropping)]
    assert texts[0] == texts[1]


def test_a_byte_model_streams_what_it_generates() -> None:
    octets = Vocabulary.of_bytes()
    model, params = build(octets)
    config = SamplingConfig(length=100)
    pieces = list(stream_text(model, params, octets, "é→", config))
    assert len(pieces) > 1
    assert generate_texts(model, params, octets, "é→", config) == ["".join(pieces)]


def test_texts_shared_among_devices_equal_those_of_one_device() -> None:
    model, params = build()
    rows = begin_writing(model, params, VOCABULARY.encode("R"), batch_size=16, seed=0)
    assert [piece.data.shape[0] for piece in rows.previous.addressable_shards] == [8, 8]
    texts = generate_texts(model, params, VOCABULARY, "R", SamplingConfig(length=60, num_samples=16))
    few = generate_texts(model, params, VOCABULARY, "R", SamplingConfig(length=60, num_samples=3))
    assert texts[:3] == few
    assert len(set(texts)) == 16


def test_weights_that_are_shared_out_for_training_write_too() -> None:
    """Between two updates a network writes three texts, on fewer devices than its weights lie on."""
    model, params = build()
    spread = jax.device_put(params, batch_sharding(make_mesh(2)))
    config = SamplingConfig(length=20, num_samples=3)
    assert generate_texts(model, spread, VOCABULARY, "R", config) == generate_texts(
        model, params, VOCABULARY, "R", config
    )
