"""Whole documents: ended by the end symbol, each the same whatever is beside it; repeated and known ones left out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.originality import SuffixIndex
from charloop.sampling import Pattern
from charloop.sampling.documents import Document, DocumentStream, Draft, nats_per_character
from charloop.trained import TrainedModel
from training.runs import configure, run

NAMES = ["ab", "abc", "b", "ca", "cab"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A network that has learned five names."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text("\n".join(NAMES * 60))
    settings = {"documents": "line", "shuffle": True, "steps": 300, "learning_rate": 0.02, "num_layers": 1}
    dropout = ("dropout_input", "dropout_between", "dropout_output", "weight_dropout")
    plain = {"hidden_size": 16} | dict.fromkeys(dropout, 0.0)
    from charloop.trained import load

    return load(run(folder / "run", configure(folder / "names.txt", **settings, **plain)).folder)


def texts(stream: DocumentStream, count: int) -> list[str]:
    return [document.text for document in stream.take(count)]


def test_it_writes_the_documents_that_it_learned(network: TrainedModel) -> None:
    written = texts(network.documents(seed=1), 200)
    share = {name: written.count(name) / 200 for name in NAMES}
    assert sum(share.values()) > 0.9
    assert min(share.values()) > 0.08


def test_a_document_does_not_depend_on_how_many_are_asked_for(network: TrainedModel) -> None:
    assert texts(network.documents(seed=2), 3) == texts(network.documents(seed=2), 20)[:3]


def test_a_prompt_begins_each_document(network: TrainedModel) -> None:
    written = texts(network.documents("ab", seed=1), 40)
    assert {text[:2] for text in written} == {"ab"}
    assert {"ab", "abc"} <= set(written)


def test_the_cost_is_that_of_the_document_alone(network: TrainedModel) -> None:
    for document in network.documents("a", seed=3).take(5):
        score = network.evaluate(document.text)
        assert document.nats == pytest.approx(score.nats, rel=1e-5)
        assert document.characters == len(document.text) == score.characters - 1
        assert document.is_complete


def test_a_document_that_does_not_end_is_cut(network: TrainedModel) -> None:
    written = list(network.documents(seed=1, max_length=2).take(60))
    assert max(document.characters for document in written) == 2
    cut = [document for document in written if not document.is_complete]
    assert {"ab", "ca"} >= {document.text for document in cut} > set()
    for document in cut:
        nats = network.evaluate(document.text).per_character
        assert nats is not None
        assert document.nats == pytest.approx(float(nats[:-1].sum()), rel=1e-5)


def test_unique_documents_come_once_each(network: TrainedModel) -> None:
    stream = network.documents(seed=1, unique=True)
    written = texts(stream, 5)
    assert len(set(written)) == 5
    assert stream.attempts - stream.left_out.total() == 5
    assert texts(network.documents(seed=1), stream.attempts)[0] == written[0]


def test_new_documents_are_none_of_the_training_text(network: TrainedModel) -> None:
    stream = network.documents(seed=1, new=True, temperature=2.0)
    written = texts(stream, 30)
    assert not set(written) & set(NAMES)
    assert stream.left_out["in the training text"] > 0
    everything = texts(network.documents(seed=1, temperature=2.0), stream.attempts)
    assert [text for text in everything if text not in {*NAMES, ""}][:30] == written


@pytest.mark.slow
def test_documents_that_are_not_there_end_with_an_error(network: TrainedModel) -> None:
    with pytest.raises(CharloopError, match=r"1,0.. documents were repeated") as refused:
        texts(network.documents(unique=True, temperature=0.0), 5)
    assert refused.value.got == "1 of 5 documents"


def test_of_each_group_the_likeliest_is_taken(network: TrainedModel) -> None:
    groups = np.array_split(list(network.documents(seed=4, temperature=1.5).take(24)), 6)  # type: ignore[arg-type]
    best = [min(group.tolist(), key=nats_per_character) for group in groups]
    chosen = list(network.documents(seed=4, temperature=1.5, best_of=4).take(6))
    assert [document.text for document in chosen] == [document.text for document in best]


def test_a_text_of_one_sample_ends_where_its_document_does(network: TrainedModel) -> None:
    whole = texts(network.documents(seed=5), 8)
    assert network.sample(seed=5, num_samples=8, length=30) == whole
    assert "".join(network.stream(seed=5, length=30)) == whole[0]


def test_constraints_let_a_document_end_wherever_they_let_a_text_end(network: TrainedModel) -> None:
    plain = network.sample(seed=5, num_samples=8, length=30)
    pattern = Pattern("[^x]*", network.vocabulary)
    for constraint in (pattern, network.novel(20)):
        assert network.sample(seed=5, num_samples=8, length=30, constraints=[constraint]) == plain
    longer = Pattern("[abc]{5,}", network.vocabulary)
    written = network.sample(seed=5, num_samples=8, length=30, constraints=[longer])
    assert {len(text) >= 5 for text in written} == {True}
    assert min(map(len, written)) < 30


def test_the_end_of_a_document_is_no_copied_character(network: TrainedModel) -> None:
    written = network.sample(seed=1, num_samples=30, length=30, constraints=[network.novel(1)])
    # A name that ends with b is in the training text: its end is not to be mistaken for a copied character.
    assert {text[-1:] for text in written if len(text) < 30} >= {"b"}


def test_a_prompt_holds_no_end_of_a_document(network: TrainedModel) -> None:
    with pytest.raises(CharloopError, match=r"U\+10FFFF"):
        network.documents("a\U0010ffff")
    assert texts(network.documents("a\U0010ffff", seed=1, unknown="skip"), 3) == texts(
        network.documents("a", seed=1), 3
    )


def test_a_network_of_one_text_has_no_documents() -> None:
    vocabulary = Vocabulary.of_text("abc")
    model = CharLM.build(ModelConfig(hidden_size=4, embed_size=2, num_layers=1), 3)
    with pytest.raises(CharloopError, match="--documents"):
        TrainedModel(model, {}, vocabulary, {}).documents()


def test_a_saved_network_writes_the_same_documents(network: TrainedModel, tmp_path: Path) -> None:
    from charloop.trained import load

    replace(network, run=None).save(tmp_path / "saved")
    assert texts(load(tmp_path / "saved").documents(seed=6), 5) == texts(network.documents(seed=6), 5)


def score(drafts: Sequence[Draft]) -> list[Document]:
    return [Document("".join(map(str, draft.ids)), len(draft.ids), 1.0, True) for draft in drafts]


def stream(scripted: Sequence[Sequence[int]], **settings: object) -> DocumentStream:
    """A stream of these documents instead of a network's."""

    def write(first: int, count: int) -> list[Draft]:
        return [Draft(np.array(scripted[(first + k) % len(scripted)], int), True) for k in range(count)]

    return DocumentStream(write, score, 9, **settings)  # type: ignore[arg-type]


def test_a_part_of_a_training_document_is_new() -> None:
    training = SuffixIndex.of(np.array([9, 1, 2, 3, 9, 2, 9]))
    made = stream([[1, 2, 3], [2, 3], [1, 2], [2], [3], []], training=training)
    assert texts(made, 3) == ["23", "12", "3"]
    assert made.left_out == {"in the training text": 2}


def test_an_empty_document_is_left_out() -> None:
    made = stream([[], [1]])
    assert texts(made, 2) == ["1", "1"]
    assert made.left_out == {"empty": 2}


def test_a_stream_goes_on_where_it_was() -> None:
    made = stream([[1], [2], [3], [1], [4]], unique=True)
    assert texts(made, 2) + texts(made, 2) == ["1", "2", "3", "4"]
