"""The host loop writes what `generate_texts` writes, and can go back to any position of it."""

from typing import Any

import jax
import numpy as np
import pytest
from sampling_fakes import ALPHABET, ELMAN, LETTERS, WEIGHTS, Elman, Script

from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate_texts
from charloop.sampling.host_loop import Chooser, HostLoop
from charloop.sampling.pickers import make_picker
from charloop.sampling.prompt import NO_BEGINNING, prepend_beginning


def write(prompt: str, sample: int = 0, **settings: Any) -> str:
    """Write with the host loop what `generate_texts` writes."""
    config = SamplingConfig(**settings)
    ids = LETTERS.encode(prompt)
    loop, chooser = HostLoop(ELMAN, WEIGHTS), Chooser(make_picker(config, LETTERS), config.seed, sample)
    text, written = loop.begin(prepend_beginning(LETTERS, ids, NO_BEGINNING, "error")), []
    for _ in range(config.length):
        written.append(chooser.choose(text))
        text = loop.advance(text, written[-1])
    assert text.position == config.length
    return LETTERS.decode(written)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"seed": 9},
        {"temperature": 0.0},
        {"temperature": 0.6, "top_k": 4},
        {"mode": "words", "temperature": 2.0},
        {"top_p": 0.8, "min_p": 0.02, "seed": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("prompt", ["", "a", "abc dab\nhe" * 7])
def test_the_same_seed_writes_what_generate_writes(prompt: str, settings: dict[str, Any]) -> None:
    config = SamplingConfig(length=120, num_samples=2, **settings)
    texts = generate_texts(ELMAN, WEIGHTS, LETTERS, prompt, config)
    assert texts == [write(prompt, sample, length=120, **settings) for sample in range(2)]


def test_a_text_continues_from_any_earlier_position() -> None:
    loop, ids = HostLoop(ELMAN, WEIGHTS), LETTERS.encode("hgfedcba")
    texts = [loop.begin(ids[:1])]
    for index in ids[1:]:
        texts.append(loop.advance(texts[-1], int(index)))
    for position in (5, 1, 3):
        again = loop.advance(texts[position], int(ids[position + 1]))
        np.testing.assert_array_equal(again.logits, texts[position + 1].logits)
        np.testing.assert_array_equal(again.state["h"], texts[position + 1].state["h"])
        other = loop.advance(texts[position], int(ids[0]))
        assert (np.asarray(other.logits) != np.asarray(again.logits)).any()


def test_only_what_is_allowed_is_chosen_and_the_rest_keeps_its_probabilities() -> None:
    text = HostLoop(ELMAN, WEIGHTS).begin(LETTERS.encode("ab"))
    allowed = np.zeros(len(ALPHABET), bool)
    allowed[[3, 6]] = True
    config = SamplingConfig()
    chosen = [Chooser(make_picker(config, LETTERS), seed).choose(text, allowed) for seed in range(300)]
    assert set(chosen) == {3, 6}
    probabilities = text.probabilities()
    np.testing.assert_allclose(probabilities, jax.nn.softmax(text.logits[0]), rtol=1e-5)
    expected = probabilities[3] / (probabilities[3] + probabilities[6])
    assert abs(chosen.count(3) / 300 - expected) < 5 * np.sqrt(expected * (1 - expected) / 300)
    only = Chooser(make_picker(SamplingConfig(temperature=0.0, top_k=1), LETTERS), 0)
    assert only.choose(text, allowed) == (3 if probabilities[3] > probabilities[6] else 6)


def test_one_compiled_program_serves_all_time_steps() -> None:
    model = Elman()
    loop = HostLoop(model, model.init())
    text = loop.begin(LETTERS.encode("a"))
    for index in range(20):
        text = loop.advance(text, index % 5)
    assert model.traces == [1]


def test_weights_that_give_no_probabilities_are_refused() -> None:
    model, params = Script.of("abc")
    sick = {"texts": params["texts"]}
    assert HostLoop(model, sick).begin(LETTERS.encode("a")).position == 0
    elman = {name: leaf * np.nan for name, leaf in WEIGHTS.items()}
    with pytest.raises(CharloopError, match="no probabilities"):
        HostLoop(ELMAN, elman).begin(LETTERS.encode("a"))
