"""The named corpora. Listing them reads no text and imports nothing for it."""

from charloop.data.corpora import names, python, python_functions, shakespeare, tinyshakespeare
from charloop.data.sources import NamedCorpus


def corpora() -> tuple[NamedCorpus, ...]:
    """Return the descriptions of all named corpora."""
    return shakespeare.CORPUS, tinyshakespeare.CORPUS, python.CORPUS, python_functions.CORPUS, names.CORPUS


def corpus_names() -> tuple[str, ...]:
    """Return the names of all named corpora."""
    return tuple(corpus.name for corpus in corpora())


def find_corpus(name: str) -> NamedCorpus | None:
    """Return the corpus of that name, if there is one."""
    return next((corpus for corpus in corpora() if corpus.name == name), None)


__all__ = ["NamedCorpus", "corpora", "corpus_names", "find_corpus"]
