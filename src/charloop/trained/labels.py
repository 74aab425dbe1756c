"""What a network makes of the labels of documents: how likely each is, with a text and without one."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Integer

from charloop.evaluation.documents import sum_by_document
from charloop.sampling.compiled_loop import not_finite

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel

GROUP_TOKENS = 1 << 20
"""Tokens that are scored in one call, about."""

Ids = Integer[np.ndarray, " _length"]
"""One document among others, each of its own length."""


def score_labels(
    network: "TrainedModel", texts: Iterable[Ids], *, complete: bool = True
) -> Iterator[Float64[np.ndarray, " labels"]]:
    """Yield for each text (ids, without label and end symbol) the log probability of it together with each label.

    That of the label after the start symbol, plus that of the text after the label; with its end if it is `complete`.
    Minus the logarithm of the sum over labels, it is that of the label given the text. Raises CharloopError for
    weights that are not finite.
    """
    labels = network.vocabulary.label_ids
    pairs = (np.append(label, text) for text in texts for label in labels)
    scores = chain.from_iterable(
        _score_group(network, group, complete=complete) for group in group_documents(pairs)
    )
    while one := list(islice(scores, len(labels))):
        if not np.isfinite(one).all():
            raise not_finite()
        yield np.array(one)


def find_likeliest(network: "TrainedModel") -> int:
    """Return the token of the label that documents most probably have. The network has one at least."""
    (scores,) = score_labels(network, [np.zeros(0, np.int32)], complete=False)
    return network.vocabulary.label_ids[int(scores.argmax())]


def group_documents(documents: Iterable[Ids]) -> Iterator[list[Ids]]:
    """Yield documents, as many at a time as have `GROUP_TOKENS` tokens together."""
    group: list[Ids] = []
    size = 0
    for document in documents:
        group.append(document)
        size += len(document) + 1
        if size >= GROUP_TOKENS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _score_group(network: "TrainedModel", group: list[Ids], *, complete: bool) -> list[float]:
    """Return the log probability of each document, which begins with its label."""
    end = np.array([network.end_id])
    tokens = np.concatenate([end, *(part for document in group for part in (document, end))])
    nats = network.score(tokens, per_character=True).per_character
    assert nats is not None
    if not complete:
        nats = np.where(tokens[1:] == network.end_id, 0, nats)
    log_probabilities: list[float] = (-sum_by_document(tokens, nats, network.end_id).nats).tolist()
    return log_probabilities
