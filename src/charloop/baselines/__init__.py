"""The losses of simpler predictors on the same text, which a network's loss is compared with. NumPy only."""

from charloop.baselines.background import BackgroundMeasurement
from charloop.baselines.measuring import UNIGRAM, Baseline, Baselines, Rank, measure_baselines
from charloop.baselines.ngrams import witten_bell
from charloop.baselines.store import (
    BASELINES_FILE,
    baselines_key,
    encode_baselines,
    find_baselines,
    read_baselines,
)

__all__ = [
    "BASELINES_FILE",
    "UNIGRAM",
    "BackgroundMeasurement",
    "Baseline",
    "Baselines",
    "Rank",
    "baselines_key",
    "encode_baselines",
    "find_baselines",
    "measure_baselines",
    "read_baselines",
    "witten_bell",
]
