"""What a trained network expects, what its units track, and how far back it remembers.

Every function takes a `TrainedModel` and tokens. It works with any cell, because it treats the state as a pytree.
A token is a character, or a byte for a network of bytes.

    from pathlib import Path

    from charloop import load
    from charloop.analysis import find_units, record_units

    network, text = load("runs/book"), Path("other.txt").read_text("utf-8")
    for finding in find_units(record_units(network, network.vocabulary.encode(text)), text).findings:
        print(finding.detector, finding.unit, round(finding.score, 2), round(finding.chance, 2))
"""

from charloop.analysis.atlas import Atlas, Finding, LeftOut, find_units, score_detectors
from charloop.analysis.detectors import DETECTORS, Detector
from charloop.analysis.passages import Passage, find_passages
from charloop.analysis.predictions import Predictions, predict_tokens
from charloop.analysis.reach import Reach, measure_reach
from charloop.analysis.recording import Recording, StateUnit, record_units
from charloop.analysis.saturation import Gate, measure_saturation
from charloop.analysis.vectors import embed_documents

__all__ = [
    "DETECTORS",
    "Atlas",
    "Detector",
    "Finding",
    "Gate",
    "LeftOut",
    "Passage",
    "Predictions",
    "Reach",
    "Recording",
    "StateUnit",
    "embed_documents",
    "find_passages",
    "find_units",
    "measure_reach",
    "measure_saturation",
    "predict_tokens",
    "record_units",
    "score_detectors",
]
