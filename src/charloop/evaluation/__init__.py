"""The loss of a text, its confidence interval, and the comparison of two losses."""

from charloop.evaluation.evaluator import CHUNK_LENGTH, WARM_UP, Evaluator, Layout, choose_chunk_length
from charloop.evaluation.paired import Difference, paired_difference
from charloop.evaluation.score import Interval, Score
from charloop.evaluation.spread import Spread

__all__ = [
    "CHUNK_LENGTH",
    "WARM_UP",
    "Difference",
    "Evaluator",
    "Interval",
    "Layout",
    "Score",
    "Spread",
    "choose_chunk_length",
    "paired_difference",
]
