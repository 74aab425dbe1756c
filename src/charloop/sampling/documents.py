"""Whole documents, from the start symbol to the end symbol, many at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Int, Integer

from charloop.devices import batch_sharding
from charloop.errors import CharloopError
from charloop.originality import SuffixIndex
from charloop.sampling.compiled_loop import begin_writing, choose_mesh, round_up_batch, write_blocks
from charloop.sampling.labels import LabelChoice, begin_each
from charloop.sampling.pickers import Picker
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters

MAX_ROWS = 256
"""The most documents written side by side."""
FIRST_BLOCK = 32
"""Characters after which the writing first looks whether all documents have ended: a name, a line."""
MAX_IN_VAIN = 1000
"""Documents left out in a row, after which no other is expected."""

Ids = Integer[np.ndarray, " length"]


class Draft(NamedTuple):
    """A written document."""

    ids: Ids
    """Its tokens, without label and end symbol."""
    is_complete: bool
    """Whether the network ended it; otherwise it was cut at the largest length."""
    label: int | None = None
    """The token of its label, if it has one."""


@dataclass(frozen=True)
class Writer:
    """Writes documents that begin with the ids `prompt` (with the start symbol, at least one), each with a number.

    Document n is the same whatever is written before or beside it.
    """

    model: LanguageModel
    params: Parameters
    picker: Picker
    prompt: Ids
    end: int
    seed: int
    max_length: int
    """The most characters that are written; those of the prompt do not count."""
    ages: Int[np.ndarray, " vocab"] | None = None
    """The ages after the prompt, for a picker with a repetition penalty."""
    choose_labels: LabelChoice | None = None
    """Chooses the label of each document, which is read after the start symbol. None: the network has none."""
    first_label: int = 0
    """The token of the first label."""

    def write(self, first: int, count: int) -> list[Draft]:
        """Return the documents `first` to `first + count - 1`, side by side."""
        batch_size = round_up_batch(count)
        params = jax.device_put(self.params, batch_sharding(choose_mesh(batch_size)))
        writing = begin_writing(self.model, params, self.prompt, batch_size, self.seed, first, self.ages)
        labels: list[int | None] = [None] * count
        if self.choose_labels:
            labels = (self.first_label + self.choose_labels(first, count)).tolist()
            padded = np.array(labels + labels[-1:] * (batch_size - count))[:, None]
            prompt = np.tile(self.prompt, (batch_size, 1))
            prompts = np.concatenate([prompt[:, :1], padded, prompt[:, 1:]], axis=1)
            writing = begin_each(self.model, params, prompts, writing)
        columns: list[Integer[np.ndarray, "time batch"]] = []
        ended: Bool[np.ndarray, " batch"] = np.zeros(count, bool)
        for ids in write_blocks(self.model, self.picker, params, writing, self.max_length, FIRST_BLOCK):
            columns.append(ids[:, :count])
            ended |= (columns[-1] == self.end).any(axis=0)
            if ended.all():
                break
        rows = np.concatenate(columns).T
        return [self._draft(row, label) for row, label in zip(rows, labels, strict=True)]

    def _draft(self, row: Ids, label: int | None) -> Draft:
        ends = np.flatnonzero(row == self.end)
        written = row[: ends[0]] if ends.size else row
        return Draft(np.concatenate([self.prompt[1:], written]), bool(ends.size), label)


@dataclass(frozen=True)
class Document:
    """A document of the network, or of a text."""

    text: str
    characters: int
    """Without label and end symbol."""
    nats: float
    """What the document costs the network, from an empty memory; with its label, and the end symbol if it is
    complete."""
    is_complete: bool
    label: str | None = None
    """None if documents have no labels."""
    label_nats: float = 0.0
    """What the label alone costs."""


@dataclass
class DocumentStream:
    """Accepted documents, in the order of their numbers; of each group of `best_of`, the best.

    The best has the lowest nats per character, the end symbol included and the label left out.
    """

    write: Callable[[int, int], list[Draft]]
    """Writes the documents from one number on: `Writer.write`."""
    score: Callable[[Sequence[Draft]], Sequence[Document]]
    """Gives drafts their text and cost."""
    end: int
    """The end symbol."""
    unique: bool = False
    """Whether a document that has come before is left out."""
    training: SuffixIndex | None = None
    """The training text whose documents are left out."""
    best_of: int = 1
    attempts: int = field(init=False, default=0)
    """Documents written so far."""
    left_out: Counter[str] = field(init=False, default_factory=Counter)
    """How many were left out, by reason."""
    _seen: set[str] = field(init=False, default_factory=set)

    def take(self, count: int) -> Iterator[Document]:
        """Yield `count` documents.

        Raises CharloopError if 1,000 in a row are left out: the network knows hardly any others.
        """
        accepted = in_vain = 0
        while accepted < count:
            groups = min(count - accepted, max(1, MAX_ROWS // self.best_of))
            drafts = self.write(self.attempts, groups * self.best_of)
            candidates = list(zip(self.score(drafts), drafts, strict=True))
            for start in range(0, len(candidates), self.best_of):
                self.attempts += self.best_of
                best = self._choose(candidates[start : start + self.best_of])
                in_vain = 0 if best else in_vain + self.best_of
                if best:
                    accepted += 1
                    yield best
            if in_vain >= MAX_IN_VAIN:
                raise CharloopError(
                    f"the last {in_vain:,} documents were {' or '.join(self.left_out)}",
                    got=f"{accepted:,} of {count:,} documents",
                    do="ask for fewer, raise --temperature, or give another prompt",
                )

    def _choose(self, candidates: Sequence[tuple[Document, Draft]]) -> Document | None:
        """Return the best candidate that is not left out."""
        accepted = []
        for document, draft in candidates:
            reason = self._find_reason_against(document, draft)
            if reason:
                self.left_out[reason] += 1
            else:
                accepted.append(document)
        best = min(accepted, key=nats_per_character, default=None)
        self._seen |= {best.text} if best else set()
        return best

    def _find_reason_against(self, document: Document, draft: Draft) -> str | None:
        if not document.text:
            return "empty"
        if self.unique and document.text in self._seen:
            return "repeated"
        if self.training and self.end in self.training.followers(np.array([self.end, *draft.ids])):
            return "in the training text"
        return None


def nats_per_character(document: Document) -> float:
    """Return the mean nats of the document's characters and its end symbol, given its label."""
    return (document.nats - document.label_nats) / max(1, document.characters + document.is_complete)
