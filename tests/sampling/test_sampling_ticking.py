"""One tick at a time: the text that `generate` writes, and a way back to any place in it."""

from typing import Any

import jax
import numpy as np
import pytest
from sampling_fakes import ALPHABET, Elman, Letters, Script

from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig, generate
from charloop.sampling.text import opening, picker_of
from charloop.sampling.ticking import Chooser, Ticker

LETTERS = Letters()
ELMAN = Elman()


def write(prompt: str, sample: int = 0, **settings: Any) -> str:
    """What `generate` writes, tick by tick."""
    config = SamplingConfig(**settings)
    ids = LETTERS.encode(prompt)
    ticker, chooser = Ticker(ELMAN, ELMAN.init()), Chooser(picker_of(config, LETTERS), config.seed, sample)
    tick, written = ticker.begin(ids if len(ids) else opening(LETTERS)), []
    for _ in range(config.length):
        written.append(chooser.choose(tick))
        tick = ticker.after(tick, written[-1])
    assert tick.position == config.length
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
    texts = generate(ELMAN, ELMAN.init(), LETTERS, prompt, config)
    assert texts == [write(prompt, sample, length=120, **settings) for sample in range(2)]


def test_one_goes_back_to_any_place_and_on_from_there() -> None:
    ticker, ids = Ticker(ELMAN, ELMAN.init()), LETTERS.encode("hgfedcba")
    ticks = [ticker.begin(ids[:1])]
    for index in ids[1:]:
        ticks.append(ticker.after(ticks[-1], int(index)))
    for place in (5, 1, 3):
        again = ticker.after(ticks[place], int(ids[place + 1]))
        np.testing.assert_array_equal(again.logits, ticks[place + 1].logits)
        np.testing.assert_array_equal(again.state["h"], ticks[place + 1].state["h"])
        other = ticker.after(ticks[place], int(ids[0]))
        assert (np.asarray(other.logits) != np.asarray(again.logits)).any()


def test_only_what_is_allowed_is_chosen_and_the_rest_keeps_its_chances() -> None:
    ticker = Ticker(ELMAN, ELMAN.init())
    tick = ticker.begin(LETTERS.encode("ab"))
    allowed = np.zeros(len(ALPHABET), bool)
    allowed[[3, 6]] = True
    config = SamplingConfig()
    chosen = [Chooser(picker_of(config, LETTERS), seed).choose(tick, allowed) for seed in range(300)]
    assert set(chosen) == {3, 6}
    chances = tick.chances()
    np.testing.assert_allclose(chances, jax.nn.softmax(tick.logits[0]), rtol=1e-5)
    expected = chances[3] / (chances[3] + chances[6])
    assert abs(chosen.count(3) / 300 - expected) < 5 * np.sqrt(expected * (1 - expected) / 300)
    only = Chooser(picker_of(SamplingConfig(temperature=0.0, top_k=1), LETTERS), 0)
    assert only.choose(tick, allowed) == (3 if chances[3] > chances[6] else 6)


def test_one_compiled_program_serves_all_ticks() -> None:
    model = Elman()
    ticker = Ticker(model, model.init())
    tick = ticker.begin(LETTERS.encode("a"))
    for index in range(20):
        tick = ticker.after(tick, index % 5)
    assert model.traces == [1]


def test_weights_that_give_no_probabilities_are_refused() -> None:
    model, params = Script.of("abc")
    sick = {"texts": params["texts"]}
    assert Ticker(model, sick).begin(LETTERS.encode("a")).position == 0
    elman = {name: leaf * np.nan for name, leaf in ELMAN.init().items()}
    with pytest.raises(CharloopError, match="no probabilities"):
        Ticker(ELMAN, elman).begin(LETTERS.encode("a"))
