"""The loss of a text, every character once: how sure it is, and what it is worth."""

from charloop.evaluation.evaluator import CHUNK, Evaluator, chunk_for
from charloop.evaluation.layout import WARM_UP, Layout
from charloop.evaluation.paired import Difference, paired_difference
from charloop.evaluation.score import Interval, Score
from charloop.evaluation.spread import Spread

__all__ = [
    "CHUNK",
    "WARM_UP",
    "Difference",
    "Evaluator",
    "Interval",
    "Layout",
    "Score",
    "Spread",
    "chunk_for",
    "paired_difference",
]
