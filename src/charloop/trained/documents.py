"""Whole documents of a trained network: their writer, and what each costs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from charloop.evaluation.documents import sum_by_document
from charloop.sampling import SamplingConfig
from charloop.sampling.along_text import begin_ages
from charloop.sampling.documents import Document, Draft, Writer
from charloop.sampling.pickers import make_picker
from charloop.sampling.prompt import prepend_beginning

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel


def make_writer(network: "TrainedModel", prompt: str, config: SamplingConfig) -> Writer:
    """Return the writer of documents that begin with `prompt`, of at most `config.length` more characters.

    Raises CharloopError for a prompt with a character that the network does not know.
    """
    known, end = network.vocabulary, network.end_id
    ids = prepend_beginning(known, known.encode(prompt, config.unknown), network.beginning(), config.unknown)
    picker = make_picker(config, known)
    ages = begin_ages(config, known, ids)
    return Writer(network.model, network.params, picker, ids, end, config.seed, config.length, ages)


def score_drafts(network: "TrainedModel", drafts: Sequence[Draft]) -> list[Document]:
    """Return the drafts with their text and cost."""
    end = np.array([network.end_id])
    tokens = np.concatenate([end, *(part for draft in drafts for part in (draft.ids, end))])
    score = network.score(tokens, per_character=True)
    assert score.per_character is not None
    costs = sum_by_document(tokens, score.per_character, network.end_id)
    last = score.per_character[costs.starts + costs.characters - 1]
    nats = np.where([draft.is_complete for draft in drafts], costs.nats, costs.nats - last)
    return [
        Document(network.vocabulary.decode(draft.ids), len(draft.ids), float(cost), draft.is_complete)
        for draft, cost in zip(drafts, nats, strict=True)
    ]
