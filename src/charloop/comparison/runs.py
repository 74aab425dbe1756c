"""Runs scored on one text, and the distance of each to the best."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import ChosenText
from charloop.comparison.texts import open_run, read_for_all
from charloop.config import DynamicConfig
from charloop.evaluation import Difference, Score, paired_difference
from charloop.model import count_parameters
from charloop.progress import ProgressListener
from charloop.trained import load_trained_model
from charloop.trained.adapting import score_while_learning, tune_settings
from charloop.training.metrics import History


class RunScore(NamedTuple):
    """A run in a comparison."""

    name: str
    score: Score
    parameters: int
    step: int | None
    """Of the weights that were compared."""
    history: History
    behind: Difference | None = None
    """Its loss minus the best one's; None for the best."""
    dynamic: Score | None = None
    """The score while it learns from the text, if that was asked for."""


def rank_runs(entries: Sequence[RunScore]) -> list[RunScore]:
    """Return the best first, and the distance of the others to it; losses that are not finite come last."""
    best, *others = sorted(entries, key=lambda e: e.score.loss if math.isfinite(e.score.loss) else math.inf)
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


class Choice(NamedTuple):
    """What runs are scored on, and how."""

    text_file: str | None = None
    """A file, a folder, or a named corpus; None for `part` of the runs' own text."""
    part: Literal["train", "val", "test"] = "val"
    limit: int | None = None
    """Score about this many characters, spread evenly over the text; None for all."""
    weights: Literal["best", "last"] = "best"
    dynamic: DynamicConfig | None = None
    """How each run learns while it reads, for a second score; None for no such score."""
    tune: bool = False
    """Whether each run's settings for that are tuned on its training text."""


class ScoredRuns(NamedTuple):
    """Several runs' scores on one text."""

    text: str
    """Its name, for people."""
    notes: list[str]
    """How it was read."""
    entries: list[RunScore]
    """In the order in which the runs were given."""


def score_runs(
    paths: Sequence[Path],
    choice: Choice,
    *,
    cells: Sequence[str] = (),
    listener: ProgressListener | None = None,
) -> ScoredRuns:
    """Return the loss of each run on the chosen text, character by character.

    `cells`: the code of own cells, FILE.py:CLASS. As in `charloop eval`, each run reads a text of its own as the
    beginning of a paragraph, and a part of the runs' own text as training reads it.

    Raises CharloopError if the runs do not read the same characters.
    """
    runs = [open_run(path, cells) for path in paths]
    given = read_for_all(runs, choice.text_file, choice.part, listener)
    entries = [score_run(run, text, choice, listener) for run, text in zip(runs, given, strict=True)]
    return ScoredRuns(given[0].name, [*dict.fromkeys(note for text in given for note in text.notes)], entries)


def score_run(
    run: RunFolder, given: ChosenText, choice: Choice, listener: ProgressListener | None
) -> RunScore:
    """Return a run's loss on the text, and what it recorded of its training."""
    network = load_trained_model(run, weights=choice.weights)
    own = choice.text_file is not None
    ids = network.beginning().ids(run.vocabulary, given.tokens) if own else None
    score = network.score(given.tokens, choice.limit, per_character=True, listener=listener, before=ids)
    dynamic = None
    if config := choice.dynamic:
        if choice.tune:
            *_, (config, _) = tune_settings(network, config, listener)
        dynamic, _ = score_while_learning(
            network, given.tokens, config, per_character=True, listener=listener, before=ids
        )
    size, step = count_parameters(network.params), network.facts.get("step")
    history = History.of(run)
    return RunScore(
        str(run.path), score, size, step if isinstance(step, int) else None, history, dynamic=dynamic
    )
