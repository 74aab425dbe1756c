"""What a person should know of the labels of a text's documents before training on them."""

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.corpus import Corpus
from charloop.data.sources import name_some
from charloop.data.split import Split
from charloop.data.token_file import RELEASE_TOKENS, release_pages


def note_labels(corpus: Corpus, split: Split) -> tuple[str, ...]:
    """Return notes on labels that only some parts of a text have: it may be sorted by label."""
    known = corpus.vocabulary
    if not known.labels or not split.sizes[1]:
        return ()
    train, validation = (
        count_labels(corpus.tokens[part], known.label_ids) for part in (split.train, split.validation)
    )
    new = [repr(known.labels[index]) for index in np.flatnonzero((validation > 0) & (train == 0))]
    if new:
        verb = "documents have labels" if len(new) > 1 else "documents have a label"
        return (f"validation {verb} that no training document has: {name_some(new)}; --shuffle mixes them",)
    if np.count_nonzero(validation) == 1 and np.count_nonzero(train) > 1:
        only = known.labels[int(validation.argmax())]
        return (f"all validation documents have the label {only!r}; --shuffle mixes them",)
    return ()


def count_labels(tokens: Integer[np.ndarray, " length"], labels: range) -> Int[np.ndarray, " labels"]:
    """Return how many of `tokens`, which may be a large memory map, are each label."""
    counts = np.zeros(len(labels), np.int64)
    for start in range(0, len(tokens), RELEASE_TOKENS):
        block = tokens[start : start + RELEASE_TOKENS]
        found = block[(block >= labels.start) & (block < labels.stop)].astype(np.int64)
        counts += np.bincount(found - labels.start, minlength=len(labels))
        release_pages(tokens)
    return counts
