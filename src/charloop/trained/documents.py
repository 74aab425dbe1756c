"""Whole documents of a trained network: their writer, and what each costs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from charloop.evaluation.documents import sum_by_document
from charloop.sampling import SamplingConfig
from charloop.sampling.along_text import begin_ages
from charloop.sampling.documents import Document, Draft, Writer
from charloop.sampling.labels import LabelChoice, draw_labels
from charloop.sampling.pickers import make_picker
from charloop.trained.labels import Ids, score_labels

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel


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
