"""Dynamic evaluation for people and programs: the loss beside the static one, and how the network learned."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from charloop.cli.flags.dynamic import ScoringLearningFlags
from charloop.cli.terminal.progress import showing_progress

if TYPE_CHECKING:
    import numpy as np

    from charloop.evaluation import Difference, Score
    from charloop.evaluation.dynamic import DynamicSettings
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class DynamicScore:
    """The score of a network that learns while it reads, and how it learns."""

    score: "Score"
    settings: "DynamicSettings"
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
    from charloop.trained.adapting import find_scales, score_while_learning

    settings = tune(network, flags.settings()) if flags.tune else flags.settings()
    with showing_progress() as listener:
        find_scales(network, settings.segment, listener)
        begun = time.monotonic()
        score, _ = score_while_learning(
            network, tokens, settings, per_character=True, listener=listener, before=before
        )
    return DynamicScore(score, settings, time.monotonic() - begun)


def tune(network: "TrainedModel", settings: "DynamicSettings") -> "DynamicSettings":
    """Return the settings with the lowest loss on the end of the training text; print each better one."""
    from charloop.trained.adapting import tune_settings

    for better, loss in tune_settings(network, settings):
        settings = better
        print(
            f"tuning: --dynamic-rate {better.learning_rate:g} --dynamic-decay {better.decay:g}: "
            f"{loss:.4f} nats per character of the training text's end",
            file=sys.stderr,
        )
    return settings


def dynamic_values(dynamic: DynamicScore) -> dict[str, Any]:
    """Return a dynamic score as plain values, for JSON."""
    score, gain = dynamic.score, dynamic.gain
    interval = score.interval
    return {
        "nats_per_character": score.loss,
        "bits_per_character": score.bits_per_character,
        "interval": interval and {"nats_per_character": [interval.low, interval.high]},
        "change": gain and {"nats_per_character": gain.nats, "interval": [gain.low, gain.high]},
        "settings": asdict(dynamic.settings),
        "characters_per_second": score.characters / dynamic.seconds,
    }


def dynamic_lines(dynamic: DynamicScore) -> Iterator[str]:
    """Yield the lines that people read."""
    score, settings = dynamic.score, dynamic.settings
    yield f"dynamic     {score.loss:.4f} nats, {score.bits_per_character:.4f} bits/char: it learns while it reads"
    if score.interval:
        low, high = score.interval.bits
        yield f"            {low:.4f} to {high:.4f} bits/char, {score.interval.confidence:.0%} confidence"
    if dynamic.gain:
        nats, low, high = dynamic.gain.bits
        yield f"            {nats:+.4f} bits/char ({low:+.4f} to {high:+.4f}) beside the trained weights"
    rows = f" in {settings.rows} rows" if settings.rows > 1 else ""
    how = f"rate {settings.learning_rate:g}, decay {settings.decay:g}, segments of {settings.segment}{rows}"
    yield f"            {how}"
