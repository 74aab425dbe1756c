"""The texts that have names: one line each; none is read, and nothing is imported for it, until it is asked for."""

from charloop.data.corpora import python, shakespeare, tinyshakespeare
from charloop.data.corpora.base import NamedCorpus

_REGISTRY: tuple[NamedCorpus, ...] = (shakespeare.CORPUS, tinyshakespeare.CORPUS, python.CORPUS)


def corpora() -> tuple[NamedCorpus, ...]:
    """All named corpora, described and not loaded."""
    return _REGISTRY


def corpus_names() -> tuple[str, ...]:
    """Their names."""
    return tuple(corpus.name for corpus in corpora())


def find_corpus(name: str) -> NamedCorpus | None:
    """The corpus of that name, if there is one."""
    return next((corpus for corpus in corpora() if corpus.name == name), None)


__all__ = ["NamedCorpus", "corpora", "corpus_names", "find_corpus"]
