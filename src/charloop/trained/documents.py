"""Whole documents of a trained network: their writer, what each costs it, and how likely each label is."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Integer

from charloop.evaluation.documents import sum_by_document
from charloop.sampling import SamplingConfig
from charloop.sampling.along_text import begin_ages
from charloop.sampling.compiled_loop import not_finite
from charloop.sampling.documents import Document, Draft, Writer
from charloop.sampling.labels import LabelChoice, draw_labels
from charloop.sampling.pickers import make_picker

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel

GROUP_TOKENS = 1 << 20
"""Tokens that are scored in one call, about."""

Ids = Integer[np.ndarray, " _length"]
"""One document among others, each of its own length."""


def make_writer(network: "TrainedModel", prompt: str, config: SamplingConfig, label: str | None) -> Writer:
    """Return the writer of documents that begin with `prompt`, of at most `config.length` more characters.

    If documents have labels, each gets `label`; by default one drawn from the network's own distribution of labels,
    given the prompt. Raises CharloopError for a label, or a prompt with a character, that the network does not know.
    """
    known, end = network.vocabulary, network.end_id
    ids = np.append(end, known.encode(prompt, config.unknown))
    picker = make_picker(config, known)
    ages = begin_ages(config, known, ids)
    choose = choose_labels(network, ids[1:], config, label)
    parts = network.model, network.params, picker, ids, end
    return Writer(*parts, config.seed, config.length, ages, choose, known.label_ids.start)


def choose_labels(
    network: "TrainedModel", prompt: Ids, config: SamplingConfig, label: str | None
) -> LabelChoice | None:
    """Return the choice of labels for documents that begin with `prompt`; None if there are no labels."""
    known = network.vocabulary
    if label is not None:
        index = known.label_id(label) - known.label_ids.start
        return lambda _, count: np.full(count, index)
    if not known.labels:
        return None
    (scores,) = score_labels(network, [prompt], complete=False)
    return draw_labels(scores, config.seed, greedy=config.temperature == 0)


def score_drafts(network: "TrainedModel", drafts: Sequence[Draft]) -> list[Document]:
    """Return the drafts with their text and cost."""
    end, known = np.array([network.end_id]), network.vocabulary
    labels = [[] if draft.label is None else [draft.label] for draft in drafts]
    parts = ((label, draft.ids, end) for label, draft in zip(labels, drafts, strict=True))
    tokens = np.concatenate([end, *(part for one in parts for part in one)]).astype(np.int32)
    score = network.score(tokens, per_character=True)
    assert score.per_character is not None
    costs = sum_by_document(tokens, score.per_character, network.end_id, known.label_ids)
    last = score.per_character[costs.starts + costs.characters - 1]
    nats = np.where([draft.is_complete for draft in drafts], costs.nats, costs.nats - last)
    return [
        Document(
            known.decode(draft.ids),
            len(draft.ids),
            float(cost),
            draft.is_complete,
            None if draft.label is None else known.label_of(draft.label),
            float(own),
        )
        for draft, cost, own in zip(drafts, nats, costs.label_nats, strict=True)
    ]


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
