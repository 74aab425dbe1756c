"""Several models as one: their predictions of the next character are mixed."""

from charloop.mixing.model import KINDS, WEIGHTS, MixedModel, name_of_part
from charloop.mixing.ngram import NgramModel, count_ngrams
from charloop.mixing.vocabularies import join_vocabularies, translate

__all__ = [
    "KINDS",
    "WEIGHTS",
    "MixedModel",
    "NgramModel",
    "count_ngrams",
    "join_vocabularies",
    "name_of_part",
    "translate",
]
