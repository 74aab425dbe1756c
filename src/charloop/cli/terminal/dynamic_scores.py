"""eval --dynamic: the loss of a network that learns while it reads, beside its own, for people and programs."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from charloop.cli.flags.dynamic import ScoringLearningFlags
from charloop.cli.terminal.progress import showing_progress
from charloop.config import DynamicConfig

if TYPE_CHECKING:
    import numpy as np

    from charloop.evaluation import Difference, Score
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class DynamicScore:
    """The score of a network that learns while it reads, and how it learns."""

    score: "Score"
    config: DynamicConfig
    seconds: float
    gain: "Difference | None" = None
    """Its loss minus that of the network that does not learn; None for a text too short to tell."""

    def beside(self, static: "Score") -> "DynamicScore":
        """Return the same with its gain over `static`, the score of the network that does not learn."""
        from charloop.evaluation import paired_difference

        mine, other = self.score.per_character, static.per_character
        return self if mine is None or other is None else replace(self, gain=paired_difference(mine, other))


def score_dynamically(
    flags: ScoringLearningFlags, network: "TrainedModel", tokens: "np.ndarray", before: "np.ndarray"
) -> DynamicScore:
    """Return the score of `tokens`, read after the ids `before`, with tuned settings if the flags ask for them."""
    from charloop.trained.adapting import find_gradients, score_while_learning

    config: DynamicConfig = tune(network, flags) if flags.tune else flags
    with showing_progress() as listener:
        find_gradients(network, config.dynamic_segment, listener)
        begun = time.monotonic()
        score, _ = score_while_learning(
            network, tokens, config, per_character=True, listener=listener, before=before
        )
    return DynamicScore(score, config, time.monotonic() - begun)


def tune(network: "TrainedModel", config: DynamicConfig) -> DynamicConfig:
    """Return the settings with the lowest loss on the end of the training text; print each better one."""
    from charloop.trained.adapting import tune_settings

    for better, loss in tune_settings(network, config):
        config = better
        print(
            f"tuning: --dynamic-rate {better.dynamic_rate:g} --dynamic-decay {better.dynamic_decay:g}: "
            f"{loss:.4f} nats per character of the training text's end",
            file=sys.stderr,
        )
    return config


def dynamic_values(dynamic: DynamicScore) -> dict[str, Any]:
    """Return a dynamic score as plain values, for JSON."""
    score, gain = dynamic.score, dynamic.gain
    interval, names = score.interval, [one.name for one in fields(DynamicConfig)]
    return {
        "nats_per_character": score.loss,
        "bits_per_character": score.bits_per_character,
        "interval": interval and {"nats_per_character": [interval.low, interval.high]},
        "change": gain and {"nats_per_character": gain.nats, "interval": [gain.low, gain.high]},
        "settings": {name.removeprefix("dynamic_"): getattr(dynamic.config, name) for name in names},
        "characters_per_second": score.characters / dynamic.seconds,
    }


def dynamic_lines(dynamic: DynamicScore) -> Iterator[str]:
    """Yield the lines that people read."""
    score, config = dynamic.score, dynamic.config
    yield f"dynamic     {score.loss:.4f} nats, {score.bits_per_character:.4f} bits/char: it learns while it reads"
    if score.interval:
        low, high = score.interval.bits
        yield f"            {low:.4f} to {high:.4f} bits/char, {score.interval.confidence:.0%} confidence"
    if dynamic.gain:
        nats, low, high = dynamic.gain.bits
        yield f"            {nats:+.4f} bits/char ({low:+.4f} to {high:+.4f}) beside the trained weights"
    rows = f" in {config.dynamic_rows} rows" if config.dynamic_rows > 1 else ""
    how = (
        f"rate {config.dynamic_rate:g}, decay {config.dynamic_decay:g}, segments of {config.dynamic_segment}"
    )
    yield f"            {how}{rows}"
    if dynamic.gain and dynamic.gain.nats > 0:
        yield "            worse than the trained weights: try --tune, or a lower --dynamic-rate"
