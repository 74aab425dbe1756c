"""A trained network that learns from the text it reads: its score, and what it needs of the training text."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Integer

from charloop.checkpoint.checkpoints import read_tensors, write_tensors
from charloop.checkpoint.names import GRADIENTS
from charloop.checkpoint.texts import read_training_text
from charloop.config import DynamicConfig
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.evaluation.dynamic import DynamicEvaluator, measure_gradients
from charloop.evaluation.words import measure_words
from charloop.progress import ProgressListener
from charloop.sampling.prompt import read_prompt
from charloop.types import Parameters

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel

FORMAT = 2
"""Of the file of gradients: the first one's were divided by their mean."""
TUNED_CHARACTERS = 20_000
"""Characters at the end of the training text that the rate and the decay are tuned on."""
GRID = {
    "dynamic_rate": (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0),
    "dynamic_decay": (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02),
}
"""Values that tuning tries, in ascending order."""


def score_while_learning(
    network: "TrainedModel",
    tokens: Integer[np.ndarray, " length"],
    config: DynamicConfig,
    *,
    per_character: bool = False,
    listener: ProgressListener | None = None,
    before: Integer[np.ndarray, " before"] | None = None,
) -> tuple[Score, Parameters]:
    """Return the score of `tokens` under dynamic evaluation, and the weights after it.

    They are read from an empty memory, or after the ids `before`. Raises CharloopError as `find_gradients` does.
    """
    gradients = find_gradients(network, config.dynamic_segment, listener)
    memory = None if before is None or not len(before) else read_prompt(network.model, network.params, before)
    evaluator = DynamicEvaluator(network.model, config)
    score, params = evaluator.score(
        network.params,
        gradients,
        tokens,
        per_character=per_character,
        listener=listener,
        initial_state=memory,
    )
    return replace(score, characters_per_word=measure_words(tokens, network.vocabulary)), params


def adapt(
    network: "TrainedModel",
    tokens: Integer[np.ndarray, " length"],
    config: DynamicConfig,
    listener: ProgressListener | None = None,
) -> tuple["TrainedModel", Score]:
    """Return the network with the weights it has after reading `tokens`, and their score; the run stays as it is."""
    before = network.beginning().ids(network.vocabulary, tokens, "skip")
    score, params = score_while_learning(network, tokens, config, listener=listener, before=before)
    return replace(network, params=params), score


def find_gradients(
    network: "TrainedModel", segment: int, listener: ProgressListener | None = None
) -> Parameters:
    """Return the root mean squares of the gradients on the training text, from the run's folder if they are there.

    Otherwise they are measured, and kept there if it can be written. Raises CharloopError for a network without its
    run, or whose training text has changed.
    """
    kept = read_gradients(network, segment)
    if kept is not None:
        return kept
    tokens = read_training_text(network.run, listener)
    gradients = measure_gradients(network.model, network.params, tokens, segment)
    keep_gradients(network, segment, gradients)
    return gradients


def read_gradients(network: "TrainedModel", segment: int) -> Parameters | None:
    """Return the gradients in the run's folder; None if there are none, or of other weights or another segment."""
    run = network.run
    if run is None:
        return None
    try:
        tensors, facts = read_tensors(run.path / GRADIENTS, run.path, run.vocabulary.fingerprint)
    except CharloopError:
        return None
    fits = facts == key_of(network, segment) and tensors.keys() == network.params.keys()
    # Not asarray: for NumPy arrays it compiles a program for each shape.
    return {name: jnp.array(value) for name, value in tensors.items()} if fits else None


def keep_gradients(network: "TrainedModel", segment: int, gradients: Parameters) -> None:
    """Write the gradients to the run's folder, unless it cannot be written."""
    if network.run is None:
        return
    arrays = {name: np.asarray(value) for name, value in gradients.items()}
    try:
        write_tensors(
            network.run.path / GRADIENTS, arrays, key_of(network, segment), network.run.vocabulary.fingerprint
        )
    except (OSError, CharloopError):
        return


def key_of(network: "TrainedModel", segment: int) -> dict[str, int]:
    """Return what the gradients belong to: the step of the weights, and the characters of a segment."""
    return {"format": FORMAT, "step": int(network.facts["step"]), "segment": segment}


def tune_settings(
    network: "TrainedModel", config: DynamicConfig, listener: ProgressListener | None = None
) -> Iterator[tuple[DynamicConfig, float]]:
    """Yield `config` with its loss on the end of the training text, then better ones, each better than before.

    Learning rate and decay are changed in turn, each to the next value of `GRID`, until neither change helps. The
    validation text is never read. Raises CharloopError as `find_gradients` does.
    """
    tokens = read_training_text(network.run, listener)[-TUNED_CHARACTERS - 1 :]

    def measure(config: DynamicConfig) -> float:
        return score_while_learning(network, tokens, config, listener=listener)[0].loss

    best, found = measure(config), True
    yield config, best
    while found:
        found = False
        for name, values in GRID.items():
            for nearest in (next_above, next_below):
                while (value := nearest(values, getattr(config, name))) is not None:
                    change: dict[str, Any] = {name: value}
                    changed = replace(config, **change)
                    loss = measure(changed)
                    if not loss < best:
                        break
                    config, best, found = changed, loss, True
                    yield config, best


def next_above(values: Sequence[float], value: float) -> float | None:
    """Return the smallest of the ascending `values` above `value`."""
    return next((one for one in values if one > value), None)


def next_below(values: Sequence[float], value: float) -> float | None:
    """Return the largest of the ascending `values` below `value`."""
    return next((one for one in reversed(values) if one < value), None)
