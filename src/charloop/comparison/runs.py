"""Runs that are scored on one text, the best first, and how far the others are behind it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from charloop.checkpoint import RunFolder
from charloop.checkpoint.chosen_text import ChosenText
from charloop.data import ReadingListener
from charloop.evaluation import Difference, Score, paired_difference
from charloop.model import count_parameters
from charloop.trained import load_trained_model
from charloop.training.history import History


class RunScore(NamedTuple):
    """A run in the comparison."""

    name: str
    score: Score
    parameters: int
    step: int | None
    """Of the weights that were compared."""
    history: History
    behind: Difference | None = None
    """Its loss less the best one's; None for the best."""


def rank_runs(entries: Sequence[RunScore]) -> list[RunScore]:
    """The best first, and how far the others are behind it; what is no number comes last."""

    def loss(entry: RunScore) -> float:
        return entry.score.loss if math.isfinite(entry.score.loss) else math.inf

    best, *others = sorted(entries, key=loss)
    base = best.score.per_character
    assert base is not None
    return [
        best,
        *(
            entry._replace(behind=paired_difference(entry.score.per_character, base))
            for entry in others
            if entry.score.per_character is not None
        ),
    ]


def score_run(
    run: RunFolder,
    given: ChosenText,
    *,
    weights: str = "best",
    limit: int | None = None,
    begins: bool = False,
    listener: ReadingListener | None = None,
) -> RunScore:
    """A run's loss on the text, character by character, and what it wrote down of its training.

    `begins`: as in `charloop eval`, a text of its own begins; the text a run set apart is read as training reads it.
    """
    network = load_trained_model(run, weights=weights)
    ids = network.beginning().ids(run.vocabulary, given.tokens) if begins else None
    score = network.score(given.tokens, limit, per_character=True, listener=listener, before=ids)
    size, step = count_parameters(network.params), network.facts.get("step")
    return RunScore(str(run.path), score, size, step if isinstance(step, int) else None, History.of(run))
