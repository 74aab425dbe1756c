"""Mixtures against the definitions, computed one character at a time with NumPy in float64."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from baselines.slow import SlowWittenBell
from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.mixing import NgramModel, count_ngrams, join_vocabularies, translate
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.trained.mixture import USUAL_LENGTH, mix
from charloop.trained.weighing import find_weights
from model.small import weights

TEXT = "hé ab cab! " * 6
TEXT_OF_AB = Vocabulary.of_text("ab")
LABELLED = Vocabulary(("a",), documents="record", labels=("x", "y"))


def network(
    symbols: str, cell: str = "gru", min_count: int = 1, seed: int = 1, **documents: Any
) -> TrainedModel:
    vocabulary = Vocabulary(tuple(sorted(symbols)), min_count=min_count, **documents)
    sizes = ModelConfig(cell=cell, num_layers=1, hidden_size=6, embed_size=4)
    model = CharLM.build(sizes, vocabulary.size, vocabulary.end_id)
    return TrainedModel(model, weights(model, seed), vocabulary, {})


def softmax(logits: Any) -> np.ndarray:
    shifted = np.exp(np.asarray(logits, np.float64) - np.max(logits))
    return shifted / shifted.sum()


def read_slowly(one: TrainedModel, text: str, known: Vocabulary) -> np.ndarray:
    """Return the probabilities after each character of `text`, over `known`, by the words of the documentation."""
    own, after = one.vocabulary, one.model.initial_state(1)
    nearest = {"é": "e" if "e" in own.symbols else " "}
    rows = []
    for character in text:
        read = character if character in own.symbols else nearest.get(character, " ")
        token = (
            own.unknown_id if own.min_count > 1 and character not in own.symbols else own.symbols.index(read)
        )
        logits, after = one.model.apply(one.params, jnp.array([[token]]), after)
        chances = softmax(logits[0, 0])
        new = known.size - len(set(own.symbols) & set(known.symbols))
        row = np.zeros(known.size)
        for place in range(known.size):
            symbol = known.symbols[place] if place < len(known.symbols) else None
            if symbol in own.symbols:
                row[place] = chances[own.symbols.index(symbol)]
                if own.min_count == 1 and new:
                    row[place] *= USUAL_LENGTH / (USUAL_LENGTH + len(own.symbols))
            elif own.min_count > 1:
                row[place] = chances[-1] / new
            else:
                row[place] = len(own.symbols) / (USUAL_LENGTH + len(own.symbols)) / new
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("kind", ["logit", "linear"])
@pytest.mark.parametrize("min_count", [1, 3])
def test_a_mixture_of_other_vocabularies_is_the_slow_one(kind: str, min_count: int) -> None:
    one, other = network(" abceh"), network(" !abcé", "lstm", min_count)
    mixture = mix([one, other], kind, [3.0, 1.0])
    known = mixture.vocabulary
    text = "".join(character for character in TEXT if character in known.symbols)
    first, second = read_slowly(one, text, known), read_slowly(other, text, known)
    np.testing.assert_allclose(first.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(second.sum(-1), 1, rtol=1e-6)
    mixed = 0.75 * first + 0.25 * second if kind == "linear" else first**0.75 * second**0.25
    mixed /= mixed.sum(-1, keepdims=True)
    tokens = known.encode(text)
    score = mixture.score(tokens, per_character=True)
    expected = -np.log(mixed[np.arange(len(tokens) - 1), tokens[1:]])
    np.testing.assert_allclose(score.per_character, expected, rtol=2e-5, atol=1e-6)
    for member, row in zip(mixture.alone(), (first, second), strict=True):
        own = -np.log(row[np.arange(len(tokens) - 1), tokens[1:]])
        np.testing.assert_allclose(
            member.score(tokens, per_character=True).per_character, own, rtol=2e-5, atol=1e-6
        )


@pytest.mark.parametrize("kind", ["logit", "linear"])
def test_a_network_mixed_with_itself_is_that_network(kind: str) -> None:
    one = network(" abceh")
    twice = mix([one, one], kind)
    tokens = one.vocabulary.encode("cab each bah " * 20)
    found, expected = (each.score(tokens, per_character=True).per_character for each in (twice, one))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    settings: dict[str, Any] = {"length": 60, "top_k": 4, "top_p": 0.9, "seed": 5, "num_samples": 2}
    assert twice.sample("cab", **settings) == one.sample("cab", **settings)


def test_documents_with_labels_are_written_by_a_mixture_and_sessions_of_it_go_on(tmp_path: Path) -> None:
    labelled = {"documents": "record", "labels": ("x", "y")}
    one, other = network(" abceh", **labelled), network(" abcé", "lstm", seed=3, **labelled)
    alone, twice = ([*each.documents(seed=3, max_length=9).take(5)] for each in (one, mix([one, one])))
    assert [(each.text, each.label) for each in twice] == [(each.text, each.label) for each in alone]
    both = mix([one, other], "linear", [2.0, 1.0])
    session = both.session(label="y", seed=2)
    session.read("cab é")
    start = session.mark()
    written = session.write_ids(40)
    session.rewind(start)
    np.testing.assert_array_equal(session.write_ids(15), written[:15])
    session.save(tmp_path / "session")
    again = both.load_session(tmp_path / "session")
    assert again.label_ids == (both.vocabulary.label_id("y"),)
    np.testing.assert_array_equal(again.write_ids(25), written[15:])
    with pytest.raises(CharloopError, match="of another network"):
        mix([one, other], "logit", [2.0, 1.0]).load_session(tmp_path / "session")


def test_a_weight_of_one_is_that_network_alone() -> None:
    one, other = network(" abceh"), network(" abceh", "lstm", seed=3)
    text = one.vocabulary.encode("cab each bah " * 5)
    expected = other.score(text, per_character=True).per_character
    for kind in ("logit", "linear"):
        found = mix([one, other], kind, [0.0, 2.0]).score(text, per_character=True).per_character
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("end", [None, 3])
def test_an_ngram_predicts_what_the_slow_one_predicts(end: int | None) -> None:
    random, order = np.random.default_rng(0), 4
    train, text = (random.choice([0, 0, 0, 1, 1, 2, 3], size).astype(np.int32) for size in (300, 40))
    model, params = count_ngrams(train, order, 5, end)
    slow = SlowWittenBell(train.tolist(), 5, order, end)
    logits, after = model.apply(params, jnp.asarray(text[:, None]), model.initial_state(1))
    for position in range(len(text)):
        context = slow.context(text.tolist(), position + 1, order - 1)
        expected = [slow.probability(token, context) for token in range(5)]
        np.testing.assert_allclose(np.exp(logits[position, 0]), expected, rtol=1e-4)
    rows = jnp.asarray(np.stack([text, text], 1))
    _, early = model.apply(params, rows, model.initial_state(2), lengths=jnp.array([7, 40]))
    _, seven = model.apply(params, rows[:7], model.initial_state(2))
    np.testing.assert_array_equal(early[0], seven[0])
    np.testing.assert_array_equal(early[1], after[0])


def test_an_ngram_of_one_token_has_no_memory() -> None:
    model, params = count_ngrams(np.array([1, 1, 0]), 1, 3)
    assert isinstance(model, NgramModel)
    logits, _ = model.apply(params, jnp.array([[0], [1]]), model.initial_state(1))
    expected = np.array([1 + 2 / 3, 2 + 2 / 3, 2 / 3]) / 5
    np.testing.assert_allclose(np.exp(logits[:, 0]), [expected, expected], rtol=1e-5)


@pytest.mark.parametrize("kind", ["logit", "linear"])
def test_the_weights_found_have_the_lowest_loss(kind: str) -> None:
    random = np.random.default_rng(1)
    targets = random.integers(0, 6, 400)
    logits = [random.normal(size=(400, 6)) + gain * np.eye(6)[targets] for gain in (1.0, 1.6, -1.0)]
    found, loss = find_weights(kind, [one.astype(np.float32) for one in logits], targets.astype(np.int32))

    def measure(shares: np.ndarray) -> float:
        chances = [softmax_rows(one) for one in logits]
        if kind == "linear":
            mixed = sum(w * p for w, p in zip(shares, chances, strict=True))
        else:
            mixed = np.exp(sum(w * np.log(p) for w, p in zip(shares, chances, strict=True)))
        mixed = mixed / mixed.sum(-1, keepdims=True)
        return float(-np.log(mixed[np.arange(400), targets]).mean())

    grid = [np.array([a, b, 20 - a - b]) / 20 for a in range(21) for b in range(21 - a)]
    best = min(grid, key=measure)
    assert loss <= measure(best) + 1e-5
    assert measure(found) == pytest.approx(loss, abs=1e-4)
    np.testing.assert_allclose(found, best, atol=0.08)


def softmax_rows(logits: np.ndarray) -> np.ndarray:
    return np.array([softmax(row) for row in logits])


def test_an_unknown_character_is_read_as_the_nearest_known_one() -> None:
    joined = Vocabulary.of_text("aeé ½1x")
    reads = translate(Vocabulary.of_text(" ae1"), joined, 100)["reads"]
    own = Vocabulary.of_text(" ae1").symbols
    assert {symbol: own[token] for symbol, token in zip(joined.symbols, reads, strict=True)} == {
        " ": " ", "1": "1", "a": "a", "e": "e", "x": " ", "½": "1", "é": "e"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        (TEXT_OF_AB, Vocabulary.of_bytes(), "different units"),
        (TEXT_OF_AB, Vocabulary(("a",), documents="line"), "different documents"),
        (LABELLED, replace(LABELLED, labels=("x", "z")), "different labels"),
    ],
    ids=["units", "documents", "labels"],
)
def test_networks_that_do_not_fit_are_refused(one: Vocabulary, other: Vocabulary, wrong: str) -> None:
    with pytest.raises(CharloopError, match=wrong):
        join_vocabularies([one, other])


@pytest.mark.parametrize("given", [[], [1.0], [0.0, 0.0], [-1.0, 2.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_bad_weights_are_refused(given: list[float]) -> None:
    one = network(" abceh")
    with pytest.raises(CharloopError, match="--mix-weights"):
        mix([one, one], weights=given)
