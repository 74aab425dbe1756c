"""All numbers of a report, from a run and a text."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Integer

from charloop.analysis import Gate, Predictions, Reach, measure_reach, measure_saturation, predict_tokens
from charloop.checkpoint import RunFolder
from charloop.config import DynamicConfig
from charloop.description import describe_rows, describe_run
from charloop.errors import CharloopError
from charloop.evaluation import paired_difference
from charloop.figures import read_curves
from charloop.report.atlas import map_units
from charloop.report.copies import find_copies
from charloop.report.excerpt import Excerpt, excerpt_of
from charloop.report.samples import read_samples
from charloop.report.values import Learned, Missing, Report
from charloop.trained import TrainedModel
from charloop.trained.adapting import score_while_learning

TOP, DISTANCE = 5, 100
"""Likeliest characters that are shown, and characters over which the reach is measured."""
MAX_STUDIED, MAX_VALUES = 20_000, 1 << 25
"""Tokens over which units are recorded, and values (tokens times units) of a recording: 134 MB."""

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class ReportSources:
    """What a report is made of, besides the run."""

    name: str
    """The source of the text that the network reads."""
    tokens: Integer[np.ndarray, " length"] | Missing
    """That text, which may be memory-mapped and large."""
    held_out: bool
    """Whether it is validation text: from the same source as the training text, but not trained on."""
    training: Callable[[], Integer[np.ndarray, " training"]]
    """Returns the tokens that the network was trained on; may raise CharloopError."""
    characters: int
    """Tokens of the text that are shown."""
    seed: int
    """Seed of what the network writes."""
    notes: tuple[str, ...] = ()
    """Remarks on how the text was read."""
    learning: DynamicConfig | None = None
    """How the network learns while it reads the text, to show what that changes; None: that is not shown."""


def gather_report(
    folder: RunFolder,
    network: TrainedModel,
    sources: ReportSources,
    tell: Callable[[str], object] = lambda _: None,
) -> Report:
    """Return everything on the page of one run. The same run, text and seed give the same report.

    `tell` is called with what is being done. A section that raises CharloopError is `Missing`, with the reason.
    """
    name = folder.path.resolve().name
    shown = begin_text(network, sources, sources.characters)
    units: int = sum(leaf.size for leaf in jax.tree.leaves(network.model.initial_state(1)))
    studied_length = min(MAX_STUDIED, MAX_VALUES // units)
    studied = begin_text(network, sources, max(sources.characters, studied_length))
    shown_length = 0 if isinstance(shown, Missing) else len(shown.characters)

    def look(
        doing: str, at: Excerpt | Missing, how: Callable[[TrainedModel, Excerpt], Found]
    ) -> Found | Missing:
        tell(doing)
        return at if isinstance(at, Missing) else attempt(lambda: how(network, at))

    return Report(
        name=name,
        facts=(
            # Without its line breaks.
            *(
                (label, " ".join(value.split()))
                for label, value in describe_rows(folder, describe_run(folder))
            ),
            *(("note", note) for note in (*network.notes, *sources.notes)),
        ),
        thing="character" if network.vocabulary.unit == "char" else "byte",
        curves=attempt(lambda: read_curves(folder, name, "steps")),
        samples=read_samples(folder),
        excerpt=shown,
        predictions=look("predicting", shown, predict_excerpt),
        mapped=look("comparing units", studied, partial(map_units, shown=shown_length)),
        gates=look("measuring gates", studied, find_gates),
        reach=look("measuring the reach", studied, find_reach),
        written=attempt(
            lambda: find_copies(
                network, sources.training, studied if sources.held_out else None, sources.seed, tell
            )
        ),
        learned=learn_text(network, sources, tell),
    )


def learn_text(
    network: TrainedModel, sources: ReportSources, tell: Callable[[str], object]
) -> Learned | Missing | None:
    """Return the losses with and without learning, if that is asked for."""
    tokens, config = sources.tokens, sources.learning
    if config is None:
        return None
    if isinstance(tokens, Missing):
        return tokens
    tell("learning from the text")

    def learn() -> Learned:
        static = network.score(tokens, per_character=True)
        dynamic, _ = score_while_learning(network, tokens, config, per_character=True)
        mine, other = dynamic.per_character, static.per_character
        gain = None if mine is None or other is None else paired_difference(mine, other)
        return Learned(config.dynamic_segment, static, dynamic, gain)

    return attempt(learn)


def begin_text(network: TrainedModel, sources: ReportSources, max_tokens: int) -> Excerpt | Missing:
    """Return the beginning of the text, or why there is none."""
    if isinstance(sources.tokens, Missing):
        return sources.tokens
    return excerpt_of(network.vocabulary, sources.name, sources.tokens, max_tokens)


def predict_excerpt(network: TrainedModel, excerpt: Excerpt) -> Predictions:
    """Return what the network expects of the text. CharloopError for one character, or for infinite predictions."""
    if len(excerpt.characters) < 2:
        raise CharloopError("the text is a single character, so nothing in it is predicted")
    found = predict_tokens(network, excerpt.tokens, TOP)
    if not np.isfinite(found.bits).all():
        raise CharloopError("the network's predictions are not finite", do="its weights are damaged")
    return found


def find_gates(network: TrainedModel, excerpt: Excerpt) -> tuple[Gate, ...]:
    """Return how often each unit's gates are shut or open. CharloopError for a cell without gates."""
    gates = measure_saturation(network, excerpt.tokens)
    if not gates:
        raise CharloopError("this cell has no gates")
    return gates


def find_reach(network: TrainedModel, excerpt: Excerpt) -> Reach:
    """Return how far back the network remembers. CharloopError if the text is too short, or nothing is measured."""
    reach = measure_reach(network, excerpt.tokens, DISTANCE)
    if not np.isfinite(reach.gradient).all() or not reach.gradient.any():
        raise CharloopError("no input has a measurable influence on a prediction")
    return reach


def attempt(find: Callable[[], Found]) -> Found | Missing:
    """Return what `find` returns, or the CharloopError that it raises as a sentence."""
    try:
        return find()
    except CharloopError as error:
        return missing_because(error)


def missing_because(error: CharloopError, then: str = "") -> Missing:
    """Return an error's message as a sentence, followed by another one if given."""
    message = " ".join(str(error).split())
    return Missing(f"{message[:1].upper()}{message[1:]}. {then}".rstrip())
