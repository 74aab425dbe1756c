"""Documents with labels: drawn as the network expects them, read before the text, never written into it."""

import csv
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float64

from charloop.errors import CharloopError
from charloop.sampling.labels import draw_labels
from charloop.sessions.interactive import InteractiveSession
from charloop.trained import TrainedModel, load
from charloop.trained.documents import score_labels
from training.runs import configure, run

NAMES = {"cat": ["mia", "tom", "mo"], "dog": ["rex", "bello", "mo"], "": ["x"]}
COUNTS = {"cat": 60, "dog": 30, "": 10}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A network that has learned the names of cats, of half as many dogs, and a few of neither."""
    folder = tmp_path_factory.mktemp("pets")
    with (folder / "pets.csv").open("w", newline="") as file:
        rows = [(name, kind) for kind, names in NAMES.items() for name in names for _ in range(COUNTS[kind])]
        csv.writer(file).writerows([("name", "kind"), *rows])
    settings = {"text_field": "name", "label_field": "kind", "shuffle": True, "hidden_size": 16}
    settings |= {"steps": 300, "learning_rate": 0.02, "num_layers": 1}
    plain = {"dropout_input": 0.0, "dropout_between": 0.0, "dropout_output": 0.0}
    return load(run(folder / "run", configure(folder / "pets.csv", **settings, **plain)).folder)


def log_chances(network: TrainedModel, rows: list[list[int]]) -> list[Float64[np.ndarray, " _read"]]:
    """The log probability of each token after the first of each row, read side by side from an empty memory."""
    padded = np.array([row + [0] * (16 - len(row)) for row in rows]).T
    logits, _ = network.model.apply(
        network.params, jnp.asarray(padded), network.model.initial_state(len(rows))
    )
    chances = np.asarray(jax.nn.log_softmax(logits), np.float64)
    return [
        np.array([chances[time, row, following] for time, following in enumerate(ids[1:])])
        for row, ids in enumerate(rows)
    ]


def slow_scores(
    network: TrainedModel, texts: list[str], *, complete: bool
) -> Float64[np.ndarray, "texts labels"]:
    """The twin of `score_labels`."""
    known, end = network.vocabulary, network.end_id
    after = [end] if complete else []
    rows = [[end, label, *known.encode(text).tolist(), *after] for text in texts for label in known.label_ids]
    return np.array([one.sum() for one in log_chances(network, rows)]).reshape(len(texts), -1)


@pytest.mark.parametrize(("tokens", "complete"), [(1 << 20, True), (7, False)])
def test_scores_of_labels_are_those_of_each_document_alone(
    network: TrainedModel, complete: bool, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.trained.documents.GROUP_TOKENS", tokens)
    texts = ["mia", "", "bello", "mo", "rexrexrex"]
    found = list(score_labels(network, map(network.vocabulary.encode, texts), complete=complete))
    twins = slow_scores(network, texts, complete=complete)
    np.testing.assert_allclose(found, twins, rtol=1e-4, atol=1e-5)


def test_the_likeliest_label_is_the_one_that_was_learned(network: TrainedModel) -> None:
    texts = ["mia", "rex", "x"]
    scores = score_labels(network, map(network.vocabulary.encode, texts))
    assert [network.vocabulary.labels[one.argmax()] for one in scores] == ["cat", "dog", ""]


@pytest.mark.slow
def test_labels_are_drawn_as_often_as_the_network_expects_them(network: TrainedModel) -> None:
    written = list(network.documents(seed=1).take(400))
    share = {label: sum(one.label == label for one in written) / 400 for label in NAMES}
    assert abs(share["cat"] - 0.643) < 0.08
    assert abs(share["dog"] - 0.321) < 0.08
    right = sum(one.text in NAMES[one.label or ""] for one in written) / 400
    assert right > 0.85
    mo = [one.label for one in network.documents("mo", seed=1).take(200)]
    assert set(mo) == {"cat", "dog"}
    assert abs(mo.count("cat") / 200 - 2 / 3) < 0.15


@pytest.mark.parametrize("prompt", ["", "m"])
def test_a_document_is_the_one_that_its_label_gives(network: TrainedModel, prompt: str) -> None:
    """Whether the label was drawn or given, and whatever is written beside it."""
    drawn = list(network.documents(prompt, seed=3).take(24))
    assert len({one.label for one in drawn}) > 1
    for label in {one.label for one in drawn}:
        given = list(network.documents(prompt, seed=3, label=label).take(24))
        assert {one.label for one in given} == {label}
        same = [(one.text, two.text) for one, two in zip(drawn, given, strict=True) if one.label == label]
        assert all(one == two for one, two in same)
    assert [one.text for one in network.documents(prompt, seed=3).take(5)] == [one.text for one in drawn[:5]]


def test_a_label_depends_on_the_seed_and_the_number_of_its_document() -> None:
    scores = np.log([0.2, 0.5, 0.3])
    choose = draw_labels(scores, 4, greedy=False)
    together = choose(0, 1000)
    assert np.concatenate([choose(0, 7), choose(7, 13)]).tolist() == together[:20].tolist()
    np.testing.assert_allclose(np.bincount(together) / 1000, [0.2, 0.5, 0.3], atol=0.05)
    assert draw_labels(scores, 5, greedy=False)(0, 20).tolist() != together[:20].tolist()
    assert set(draw_labels(scores, 4, greedy=True)(0, 20).tolist()) == {1}


def test_at_temperature_0_the_label_is_the_likeliest(network: TrainedModel) -> None:
    assert {one.label for one in network.documents(temperature=0).take(6)} == {"cat"}


def test_the_cost_is_that_of_the_label_and_the_document(network: TrainedModel) -> None:
    known, end = network.vocabulary, network.end_id
    written = list(network.documents(seed=3).take(6))
    rows = [[end, known.label_id(one.label or ""), *known.encode(one.text).tolist(), end] for one in written]
    for one, chances in zip(written, log_chances(network, rows), strict=True):
        assert one.label_nats == pytest.approx(-chances[0], rel=1e-4)
        assert one.nats == pytest.approx(-chances.sum(), rel=1e-4)
        assert one.characters == len(one.text)
    best = next(network.documents(seed=3, best_of=8, label="dog").take(1))
    cost = [
        (one.nats - one.label_nats) / (one.characters + 1)
        for one in network.documents(seed=3, label="dog").take(8)
    ]
    assert (best.nats - best.label_nats) / (best.characters + 1) == pytest.approx(min(cost), rel=1e-5)


@pytest.mark.slow
def test_documents_of_the_training_text_are_known_whatever_their_label(network: TrainedModel) -> None:
    new = network.documents(seed=1, new=True, temperature=1.5)
    assert not {one.text for one in new.take(8)} & {name for names in NAMES.values() for name in names}
    assert new.left_out["in the training text"] > 2


def test_labels_are_never_written(network: TrainedModel) -> None:
    """Where the logits of labels are the greatest, in each way of writing."""
    known, labels = network.vocabulary, list(network.vocabulary.label_ids)
    bias = network.params["readout.bias"].at[jnp.array(labels)].add(50.0)
    eager = replace(network, params=network.params | {"readout.bias": bias})
    for settings in ({}, {"bias": {"m": 1.0}, "mode": "words"}):
        written = list(eager.documents(seed=1, max_length=20, label="dog", **settings).take(3))
        assert set("".join(one.text for one in written)) <= set(known.symbols)
    held = eager.sample(length=9, constraints=[network.novel(5)], label="dog")[0]
    assert set(held) <= set(known.symbols)
    session = eager.session(label="dog")
    assert set(session.write(20)) <= set(known.symbols)
    # All characters, and the end symbol.
    assert len(session.next().likeliest(100)) == len(known.symbols) + 1
    chances = session.next().draw_probabilities
    assert not chances[labels].any()


def test_texts_without_documents_have_the_given_label_or_the_likeliest(network: TrainedModel) -> None:
    how = {"length": 30, "seed": 2, "temperature": 0.3}
    assert network.sample(**how) == network.sample(**how, label="cat")  # type: ignore[arg-type]
    dogs = network.sample(**how, num_samples=8, label="dog")  # type: ignore[arg-type]
    assert sum(text in NAMES["dog"] for text in dogs) >= 6
    assert "".join(network.stream(**how, label="dog")) == network.sample(**how, label="dog")[0]  # type: ignore[arg-type]
    session = network.session(label="dog", seed=2, temperature=0.3)
    assert session.write(30) == network.sample(**how, label="dog")[0]  # type: ignore[arg-type]
    session.begin_document()
    assert session.ids[-2:].tolist() == [network.end_id, network.vocabulary.label_id("dog")]


def test_a_session_keeps_its_label(network: TrainedModel, tmp_path: Path) -> None:
    session = network.session(label="dog", seed=2, temperature=0.5)
    first = session.write(30)
    session.begin_document()
    session.save(tmp_path / "session")
    again = network.load_session(tmp_path / "session")
    second = again.write(30)
    assert (session.write(30), session.text) == (second, f"{first}\n{second}")
    assert {first, second} <= set(NAMES["dog"])


def test_a_person_who_writes_is_offered_no_labels(network: TrainedModel) -> None:
    person = InteractiveSession(network.session(label="dog"))
    assert {one.index for one in person.candidates(100)}.isdisjoint(network.vocabulary.label_ids)
    with pytest.raises(CharloopError, match="a character that the network does not know"):
        person.put([network.vocabulary.label_id("cat")])


@pytest.mark.parametrize("by_hand", [True, False])
def test_after_the_end_a_person_goes_on_with_a_document_of_the_same_label(
    network: TrainedModel, by_hand: bool
) -> None:
    person = InteractiveSession(network.session(label="dog"))
    first = person.session.next().probabilities
    if by_hand:
        person.put_text("rex")
        person.put([network.end_id])
    else:
        while network.end_id not in person.ids:
            list(person.draw("character"))
    np.testing.assert_allclose(person.session.next().probabilities, first, atol=1e-6)
    written = len(person.ids)
    person.take_back()
    assert person.ids == person.session.ids.tolist()
    assert len(person.ids) == written - 1


def test_a_document_begins_a_word(network: TrainedModel) -> None:
    """After a label the first character is drawn, not the likeliest."""
    documents = network.documents(mode="words", label="cat", max_length=3).take(30)
    assert {"m", "t"} <= {one.text[:1] for one in documents}
    session = network.session(mode="words", label="cat")
    assert (session.next().draw_probabilities > 0.1).sum() > 1


def test_an_unknown_label_is_refused(network: TrainedModel) -> None:
    for call in (network.documents, network.sample, network.session):
        with pytest.raises(CharloopError, match=r"unknown label: got 'dogs'.*mean 'dog'"):
            call(label="dogs")  # type: ignore[operator]


def test_a_network_is_saved_with_its_labels(network: TrainedModel, tmp_path: Path) -> None:
    network.save(tmp_path / "one")
    replace(network, run=None).save(tmp_path / "two")
    for name, fields in (("one", ("name", "kind")), ("two", ("text", "label"))):
        again = load(tmp_path / name)
        assert again.vocabulary == network.vocabulary
        assert again.run is not None
        assert (again.run.config.data.text_field, again.run.config.data.label_field) == fields
