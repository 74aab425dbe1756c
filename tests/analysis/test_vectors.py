"""Documents as vectors: the output of a layer after each document that is read alone."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from charloop.analysis import embed_documents
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.model import CharLM, layer_parameters
from charloop.trained import TrainedModel
from model.small import build, weights

VOCABULARY = Vocabulary(tuple("abcdefghij"), documents="line")
END = 10


def network(**settings: object) -> TrainedModel:
    model = replace(build(**settings), end_id=END)
    return TrainedModel(model, weights(model), VOCABULARY, {})


def slow_outputs(model: CharLM, document: np.ndarray, layer: int) -> np.ndarray:
    """The layer's output after the start symbol and after each character, one at a time."""
    params, memory, made = weights(model), list(model.initial_state(1)), []
    for character in (END, *document):
        x = params["embedding.weight"][character][None]
        for number in range(layer):
            memory[number], x = model.cell.step(layer_parameters(params, number), x, memory[number])
        made.append(np.asarray(x[0]))
    return np.stack(made)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layer", [1, 2])
def test_a_vector_is_that_of_the_document_alone(cell: str, layer: int) -> None:
    """Of documents shorter and longer than what one call reads, in more than one batch."""
    given, random = network(cell=cell), np.random.default_rng(0)
    sizes = [3, 70, 1, 64, 63, *random.integers(1, 9, 65)]
    documents = [random.integers(0, END, size) for size in sizes]
    tokens = np.concatenate([[END], *(np.append(document, END) for document in documents)])
    last = embed_documents(given, tokens, layer=layer)
    mean = embed_documents(given, tokens, layer=layer, pooling="mean")
    for index in (0, 1, 2, 3, 4, 69):
        outputs = slow_outputs(given.model, documents[index], layer)
        np.testing.assert_allclose(last[index], outputs[-1], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(mean[index], outputs[1:].mean(axis=0), rtol=1e-4, atol=1e-5)
    assert np.array_equal(embed_documents(given, tokens), embed_documents(given, tokens, layer=2))


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(CharloopError) as refused:
        embed_documents(network(), np.array([END, 1, END]), layer=3)
    assert (refused.value.got, refused.value.allowed) == (3, "1 to 2")


def test_a_network_of_one_text_has_no_documents_to_read() -> None:
    plain = replace(network(), vocabulary=Vocabulary(tuple("abcdefghijk")))
    with pytest.raises(CharloopError, match="--documents"):
        embed_documents(plain, np.array([1, 2]))


def test_the_dtype_is_float32_whatever_the_number_of_documents() -> None:
    for tokens in ([END, 1, END], [END], []):
        vectors = embed_documents(network(), np.array(tokens, np.uint8))
        assert (vectors.dtype, vectors.shape) == (np.float32, (len(tokens) // 2, 7))


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_label_is_read_and_is_no_character(pooling: Literal["last", "mean"]) -> None:
    """Of documents with labels and without, shorter and longer than what one call reads."""
    model = replace(build(), end_id=END)
    known = Vocabulary(tuple("abcdefg"), documents="record", labels=("x", "y", "z"))
    given, random = TrainedModel(model, weights(model), known, {}), np.random.default_rng(0)
    documents = [random.integers(0, 7, size) for size in (3, 70, 63, 1, 64)]
    labels = [[7], [], [8], [9], [9]]
    whole = [[*label, *document.tolist()] for label, document in zip(labels, documents, strict=True)]
    tokens = np.array([END, *(token for one in whole for token in (*one, END))])
    found = embed_documents(given, tokens, pooling=pooling)
    for one, label, vector in zip(whole, labels, found, strict=True):
        outputs = slow_outputs(model, np.array(one), 2)[1 + len(label) :]
        expected = outputs[-1] if pooling == "last" else outputs.mean(axis=0)
        np.testing.assert_allclose(vector, expected, atol=1e-5)
