"""A run of records that starts from another: known labels keep their rows, new ones get the mean of the old."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.trained import TrainedModel, load
from charloop.training.donor import adopt_units, extend_parameters
from choosing import slow
from refusing import refused
from training.runs import configure, run

FROZEN = {"learning_rate": 1e-30, "weight_decay": 0.0, "steps": 1}
FIELDS = {"text_field": "name", "label_field": "kind"}


@pytest.mark.parametrize("labels", [("x", "y"), ()])
@pytest.mark.parametrize("min_count", [1, 2])
def test_rows_move_to_where_their_labels_are_in_the_new_vocabulary(
    labels: tuple[str, ...], min_count: int
) -> None:
    old = Vocabulary(
        tuple("ac"), min_count=min_count, documents="record" if labels else "line", labels=labels
    )
    new = Vocabulary(tuple("abc"), min_count=min_count, documents="record", labels=("new", *labels[::-1]))
    model = CharLM.build(ModelConfig(hidden_size=4, embed_size=3, num_layers=1), old.size, old.end_id)
    params = model.init(jax.random.key(0))
    found = extend_parameters(TrainedModel(model, params, old, {}), new)
    for name in ("embedding.weight", "readout.weight", "readout.bias"):
        rows = np.asarray(params[name])
        of = dict(zip([*old.symbols, *(f"label {label}" for label in labels)], rows, strict=False))
        mean = np.mean([of["a"], of["c"]], axis=0)
        of_new = np.mean([of["label x"], of["label y"]], axis=0) if labels else mean
        expected = [of["a"], mean, of["c"], of_new, *(of[f"label {label}"] for label in labels[::-1])]
        expected += [rows[old.end_id], *([rows[-1]] if min_count > 1 else [])]  # type: ignore[index]
        np.testing.assert_allclose(found[name], np.stack(expected), rtol=1e-6)


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("name", "kind"), *rows])
    return path


def train(folder: Path, text: Path, **settings: Any) -> Any:
    init_from = settings.pop("init_from", None)
    return run(folder, configure(text, **FROZEN, **settings), init_from=init_from)


@slow
def test_records_follow_lines_and_records(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("anna\nbea\n" * 40)
    lines = train(tmp_path / "lines", tmp_path / "names.txt", documents="line")
    pets = write(tmp_path / "pets.csv", [("ana", "cat"), ("bean", "dog")] * 40)
    first = train(tmp_path / "first", pets, **FIELDS, init_from=lines.folder)
    assert load(first.folder).vocabulary.labels == ("cat", "dog")
    # Without fields of its own, a run has those of the one that it starts from.
    birds = write(tmp_path / "birds.csv", [("nea", "bird"), ("anne", "dog")] * 40)
    second = train(tmp_path / "second", birds, init_from=first.folder)
    network = load(second.folder)
    assert network.vocabulary.labels == ("cat", "dog", "bird")
    assert network.run is not None
    assert (network.run.config.data.text_field, network.run.config.data.label_field) == ("name", "kind")
    before = load(first.folder)
    for label in ("cat", "dog"):
        np.testing.assert_allclose(
            network.params["embedding.weight"][network.vocabulary.label_id(label)],
            before.params["embedding.weight"][before.vocabulary.label_id(label)],
            rtol=1e-5,
        )


def donor_of(vocabulary: Vocabulary) -> TrainedModel:
    model = CharLM.build(
        ModelConfig(hidden_size=4, embed_size=3, num_layers=1), vocabulary.size, vocabulary.end_id
    )
    return TrainedModel(model, {}, vocabulary, {})


def test_documents_and_records_go_on_as_records() -> None:
    for rule in ("line", "--", "record"):
        known = Vocabulary(tuple("ab"), documents=rule)
        config, vocabulary = adopt_units(configure("a.csv", **FIELDS), donor_of(known))
        assert (config.data.documents, config.data.text_field) == ("", "name")
        assert vocabulary == replace(known, documents="record")
    known = Vocabulary(tuple("ab"), documents="line")
    config, vocabulary = adopt_units(configure("a.txt"), donor_of(known))
    assert (config.data.documents, vocabulary) == ("line", known)


def test_records_do_not_follow_one_text_nor_lines_records() -> None:
    book, records = Vocabulary(tuple("ab")), Vocabulary(tuple("ab"), documents="record", labels=("x",))
    with refused("--text-field does not go with --init-from", got="name", allowed="one text, that run's own"):
        adopt_units(configure("a.csv", **FIELDS), donor_of(book))
    with refused("--documents does not go with --init-from", got="line", allowed="record, that run's own"):
        adopt_units(configure("a.txt", documents="line"), donor_of(records))
