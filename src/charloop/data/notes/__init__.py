"""What a person should know of a text and its split before training on it."""

from charloop.data.corpus import Corpus
from charloop.data.notes.difference import note_difference
from charloop.data.notes.documents import note_documents
from charloop.data.notes.labels import note_labels
from charloop.data.split import Split


def note_split(corpus: Corpus, split: Split, *, shuffled: bool) -> tuple[str, ...]:
    """Return notes on the documents of a text, and on how its validation text differs from its training text."""
    documents = (*note_documents(corpus, split, shuffled=shuffled), *note_labels(corpus, split))
    return documents if shuffled else (*documents, *note_difference(corpus, split))


__all__ = ["note_split"]
