"""The prefix of a run that did not store one is found in a text that the network writes."""

import jax
import jax.numpy as jnp
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.trained import TrainedModel, own_prefix


@pytest.fixture
def network() -> TrainedModel:
    vocabulary = Vocabulary.of_text("\n abc")
    model = CharLM.build(ModelConfig(num_layers=1, hidden_size=3, embed_size=2), vocabulary.size)
    return TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})


@pytest.mark.parametrize(
    ("written", "prefix"),
    [("a\nb\n\nc\na\n\nb", "\n\n"), ("ab\nba\ncab\n", "\n"), ("a b c a b", " "), ("abcabc", "")],
)
def test_the_prefix_is_found_in_a_text_that_the_network_writes(
    network: TrainedModel, monkeypatch: pytest.MonkeyPatch, written: str, prefix: str
) -> None:
    asked = []
    monkeypatch.setattr(own_prefix, "generate_texts", lambda *_, **how: asked.append(how) or [written])
    assert network.prefix == network.prefix == prefix
    assert [how["beginning"].text for how in asked] == ["\n"], "once, after a guess from the vocabulary"


def test_a_context_asks_for_no_prefix(network: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_prefix, "generate_texts", lambda *_, **__: pytest.fail("it wrote"))
    assert network.beginning("ab").text == "ab"
    assert network.beginning("").text == ""


def test_a_network_that_cannot_write_has_the_prefix_guessed_from_its_vocabulary(
    network: TrainedModel,
) -> None:
    network.params["readout.bias"] = network.params["readout.bias"] * jnp.nan
    with pytest.raises(CharloopError, match="no probabilities"):
        network.sample("a", context="")
    assert network.prefix == "\n"
