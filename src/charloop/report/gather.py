"""From a run and a text to all that a report shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Integer

from charloop.analysis import Gate, Predictions, Reach, gate_saturation, memory_reach, predict
from charloop.checkpoint import RunFolder
from charloop.description import describe_rows, describe_run
from charloop.errors import CharloopError
from charloop.figures import curves_of
from charloop.report.copying import copied
from charloop.report.excerpt import Excerpt, excerpt_of
from charloop.report.mapping import mapped
from charloop.report.samples import samples_of
from charloop.report.values import Missing, Report
from charloop.trained import TrainedModel

TOP, DISTANCE = 5, 100
"""Likeliest characters that are told; characters back that memory is looked for."""
STUDIED, NUMBERS = 20_000, 1 << 25
"""Tokens that units are watched over, and numbers that this may come to: 134 MB, and some times that at work."""

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Sources:
    """What a report is made of, besides the run."""

    name: str
    """Where the text to show the network is from."""
    tokens: Integer[np.ndarray, " length"] | Missing
    """That text, which may be mapped and large."""
    held_out: bool
    """Whether it is of the training text's source, and was not trained on."""
    training: Callable[[], Integer[np.ndarray, " training"]]
    """The tokens it was trained on; may raise CharloopError."""
    characters: int
    """Tokens of the text that are shown."""
    seed: int
    """For what the network writes."""
    notes: tuple[str, ...] = ()
    """What there is to say of how the text was read."""


def gather(
    folder: RunFolder,
    network: TrainedModel,
    sources: Sources,
    tell: Callable[[str], object] = lambda _: None,
) -> Report:
    """All that is on the page of one run; `tell` hears what is being done. The same for the same run, text and seed.

    What cannot be shown is `Missing`, with the reason: no CharloopError leaves.
    """
    name = folder.path.resolve().name
    shown = begun(network, sources, sources.characters)
    studied = begun(network, sources, max(sources.characters, studied_length(network)))

    def look(doing: str, at: Excerpt | Missing, how: Callable[[Excerpt], Found]) -> Found | Missing:
        tell(doing)
        return at if isinstance(at, Missing) else attempt(lambda: how(at))

    predictions = look("predicting", shown, lambda excerpt: predicted(network, excerpt))
    return Report(
        name,
        (*facts_of(folder), *(("note", note) for note in (*network.notes, *sources.notes))),
        "character" if network.vocabulary.unit == "char" else "byte",
        attempt(lambda: curves_of(folder, name, "steps")),
        samples_of(folder),
        shown,
        predictions,
        look("comparing units", studied, lambda excerpt: mapped(network, excerpt, len_of(shown))),
        look("looking at gates", studied, lambda excerpt: gates_of(network, excerpt)),
        look("looking back", studied, lambda excerpt: reach_of(network, excerpt)),
        attempt(
            lambda: copied(
                network, sources.training, studied if sources.held_out else None, sources.seed, tell
            )
        ),
    )


def facts_of(folder: RunFolder) -> list[tuple[str, str]]:
    """What `charloop info` says, label and value; a page needs no lines broken for a terminal."""
    rows = describe_rows(folder, describe_run(folder))
    return [(label, " ".join(value.split())) for label, value in rows]


def begun(network: TrainedModel, sources: Sources, most: int) -> Excerpt | Missing:
    """The beginning of the text, or why there is none."""
    tokens = sources.tokens
    return (
        tokens if isinstance(tokens, Missing) else excerpt_of(network.vocabulary, sources.name, tokens, most)
    )


def len_of(shown: Excerpt | Missing) -> int:
    """Characters that are shown."""
    return 0 if isinstance(shown, Missing) else len(shown.characters)


def studied_length(network: TrainedModel) -> int:
    """Tokens that the units are watched over: fewer, the more of them there are."""
    units: int = sum(leaf.size for leaf in jax.tree.leaves(network.model.initial_state(1)))
    return min(STUDIED, NUMBERS // units)


def predicted(network: TrainedModel, excerpt: Excerpt) -> Predictions:
    """What the network expects of the text. CharloopError for under two characters, or if that is no number."""
    if len(excerpt.characters) < 2:
        raise CharloopError("the text is a single character: nothing in it is predicted")
    found = predict(network, excerpt.tokens, TOP)
    if not np.isfinite(found.bits).all():
        raise CharloopError("the network's predictions are not finite", do="its weights are damaged")
    return found


def gates_of(network: TrainedModel, excerpt: Excerpt) -> tuple[Gate, ...]:
    """How often each unit's gates are shut or open. CharloopError for a cell without any."""
    gates = gate_saturation(network, excerpt.tokens)
    if not gates:
        raise CharloopError("this cell has no gates")
    return gates


def reach_of(network: TrainedModel, excerpt: Excerpt) -> Reach:
    """How far back the network remembers. CharloopError where the text is too short, or nothing is found."""
    reach = memory_reach(network, excerpt.tokens, DISTANCE)
    if not np.isfinite(reach.gradient).all() or not reach.gradient.any():
        raise CharloopError("no input has any influence on a prediction that could be measured")
    return reach


def attempt(find: Callable[[], Found]) -> Found | Missing:
    """What `find` returns, or what the CharloopError says that it raises, as a sentence."""
    try:
        return find()
    except CharloopError as error:
        return sentence(error)


def sentence(error: CharloopError, then: str = "") -> Missing:
    """What an error says, as a sentence, and perhaps another after it."""
    said = " ".join(str(error).split())
    return Missing(f"{said[:1].upper()}{said[1:]}. {then}".rstrip())
