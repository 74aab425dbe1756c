"""What simpler ways to predict come to on the same text: the ladder that a loss is read on. NumPy only."""

from charloop.baselines.background import Measuring
from charloop.baselines.ladder import UNIGRAM, Ladder, Rung, Standing, measure
from charloop.baselines.ngrams import witten_bell
from charloop.baselines.store import FILE, find_or_measure, key_of, pack, read

__all__ = [
    "FILE",
    "UNIGRAM",
    "Ladder",
    "Measuring",
    "Rung",
    "Standing",
    "find_or_measure",
    "key_of",
    "measure",
    "pack",
    "read",
    "witten_bell",
]
