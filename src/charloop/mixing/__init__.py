"""Several models as one: their predictions of the next character are mixed."""

from charloop.mixing.model import MIX_WEIGHTS, WAYS_TO_MIX, MixedModel, name_of_part
from charloop.mixing.ngram import NgramModel, count_ngrams
from charloop.mixing.vocabularies import join_vocabularies, translate

__all__ = [
    "MIX_WEIGHTS",
    "WAYS_TO_MIX",
    "MixedModel",
    "NgramModel",
    "count_ngrams",
    "join_vocabularies",
    "name_of_part",
    "translate",
]
