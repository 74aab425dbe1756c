"""What `--preset auto` chooses, as a function of the text, the time, the machine's speed and the given settings."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from charloop.auto.rule import RULE, Quantity, Rule, RuleRow, pick, with_settings
from charloop.auto.wording import explain_dropout, explain_sizes
from charloop.config import ModelConfig, RunConfig
from charloop.configfile import LIMITS
from charloop.presets import AUTO

SIZES = {"hidden_size", "embed_size"}


class Network(NamedTuple):
    """What a network is like on this machine."""

    weights: int
    """Weights that each character is multiplied with."""
    refused: Collection[str]
    """Names of settings that it cannot have here: weight_dropout without matrices to drop from, precision."""


@dataclass(frozen=True)
class Circumstances:
    """What the choice depends on besides settings."""

    characters: int
    """Of the training text."""
    devices: int
    """Processor cores or GPUs of this machine."""
    speed: Callable[[RunConfig], float]
    """Return the gigaflops per second that this machine computes for the batch of a configuration."""
    network: Callable[[ModelConfig], Network]
    """Describe a network."""
    fits: Callable[[RunConfig], bool]
    """Return whether a configuration's training step fits into memory."""


class AutoChoice(NamedTuple):
    """The configuration that was chosen, and why in two lines."""

    config: RunConfig
    reasons: tuple[str, ...]
    gigaflops: float
    """Speed of this machine in gigaflops per second."""

    @property
    def facts(self) -> dict[str, Any]:
        """What config.json records of the choice, beside the settings."""
        return {"preset": AUTO, "reasons": list(self.reasons), "gigaflops": round(self.gigaflops, 1)}


def choose(config: RunConfig, kept: Collection[str], there: Circumstances, rule: Rule = RULE) -> AutoChoice:
    """Return `config` with all settings chosen that the rule knows, except those whose names are `kept`.

    Of a run that is limited by minutes, epochs may become a second limit: too many would only wear a small text out.
    """
    training = config.training
    if not any(getattr(training, name) for name in LIMITS):
        config = replace(config, training=replace(training, minutes=rule.minutes))
    minutes = config.training.minutes or rule.minutes
    found: dict[Quantity, float] = {"minutes": minutes, "text": there.characters, "devices": there.devices}
    settings = {**rule.always, **pick(rule.cell, found).set, **pick(rule.chunk, found).set}
    config = with_settings(config, settings, kept)
    gigaflops, seconds = there.speed(config), usable_seconds(minutes, rule)

    def speed(config: RunConfig) -> float:
        """Return the characters that a network trains on in a second."""
        gain = rule.speed.bfloat16 if config.training.precision == "bfloat16" else 1.0
        operations = rule.speed.operations * max(1, there.network(config.model).weights)
        return max(1e-9, gain * rule.speed.efficiency * gigaflops * 1e9 / operations)

    config = choose_size(config, kept, there, rule, lambda sized: speed(sized) * seconds)
    trained = count_trained(config, there.characters, speed(config) * seconds)
    found["epochs"] = trained / max(1, there.characters)
    found["weights"] = there.network(config.model).weights / max(1, there.characters)
    fixed = {
        *kept,
        *there.network(config.model).refused,
        *({"epochs"} if training.steps or training.epochs else ()),
    }
    config = with_settings(config, pick(rule.epochs, found).set, fixed)
    trained = count_trained(config, there.characters, speed(config) * seconds)
    epochs, steps = trained / max(1, there.characters), trained / chunk_size(config, there.characters)
    config = with_settings(config, {"warmup_steps": shorten_warmup(config, steps, rule)}, kept)
    reasons = (
        explain_sizes(config, steps, epochs, trained / speed(config)),
        explain_dropout(config, epochs, [name for name in rule.chosen if name in kept]),
    )
    return AutoChoice(config, reasons, gigaflops)


def choose_size(
    config: RunConfig,
    kept: Collection[str],
    there: Circumstances,
    rule: Rule,
    trained: Callable[[RunConfig], float],
) -> RunConfig:
    """Return `config` with the largest network that time, text and memory allow; else the smallest.

    `trained` returns how many characters a configuration trains on. If not even the smallest network fits into
    memory, it has fewer batch rows.
    """
    candidates = list(find_sizes(config, kept, there, rule))
    for row, sized in candidates:
        if row.counts({"trained": trained(sized)}) and there.fits(sized):
            return sized
    smallest = candidates[-1][1]
    while "batch_size" not in kept and smallest.data.batch_size > 1 and not there.fits(smallest):
        smallest = with_settings(smallest, {"batch_size": smallest.data.batch_size // 2})
    return smallest


def find_sizes(
    config: RunConfig, kept: Collection[str], there: Circumstances, rule: Rule
) -> Iterator[tuple[RuleRow, RunConfig]]:
    """Yield the rows of sizes that the text allows, each with `config` of that size, the largest first.

    A kept hidden size leaves one row, the first of at least that size: it also has a learning rate.
    """
    rows = [row for row in rule.size if row.counts({"text": there.characters})] or list(rule.size[:1])
    if "hidden_size" in kept:
        least = config.model.hidden_size
        rows = [next((row for row in rule.size if row.set["hidden_size"] >= least), rule.size[-1])]
    for row in reversed(rows):
        sizes = {name: value for name, value in row.set.items() if name in SIZES}
        sized = tie_sizes(with_settings(config, sizes, kept), kept)
        refused = there.network(sized.model).refused
        yield row, with_settings(sized, row.set, {*kept, *refused, *SIZES})


def tie_sizes(config: RunConfig, kept: Collection[str]) -> RunConfig:
    """Return `config` with equal sizes of embedding and layers if they are tied: the size that is kept, if one is."""
    model = config.model
    if not model.tie_embedding or {*kept} >= SIZES:
        return config
    size = model.embed_size if "embed_size" in kept else model.hidden_size
    return with_settings(config, dict.fromkeys(SIZES, size))


def usable_seconds(minutes: float, rule: Rule) -> float:
    """Return how long a run of that time trains: the rest is compilation and evaluation."""
    return max(0.0, 60 * minutes - rule.speed.preparation_seconds) * rule.speed.training_share


def count_trained(config: RunConfig, characters: int, in_time: float) -> float:
    """Return how many characters a run trains on, up to its first limit; `in_time` counts them in its minutes."""
    training = config.training
    limits = [in_time] if training.minutes else []
    limits += [training.steps * chunk_size(config, characters)] if training.steps else []
    limits += [training.epochs * characters] if training.epochs else []
    return min(limits)


def chunk_size(config: RunConfig, characters: int) -> int:
    """Return the characters of a step."""
    return max(1, min(characters, config.data.batch_size * config.data.seq_length))


def shorten_warmup(config: RunConfig, steps: float, rule: Rule) -> int:
    """Return the steps of warm-up, of which a short run has fewer: one significant digit, as steps are a guess."""
    share = int(float(f"{rule.warmup_share * steps:.0e}"))
    return min(config.training.warmup_steps, share)
