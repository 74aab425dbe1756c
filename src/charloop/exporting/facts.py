"""What is known of a network, as plain values that every exported form carries along."""

import math
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from charloop.checkpoint.names import CONFIG, WEIGHTS
from charloop.checkpoint.run_folder import RunFolder
from charloop.description import TEXT_KEYS, TextFacts, Weights, checked
from charloop.exporting.quantizing import Cost
from charloop.trained import TrainedModel
from charloop.wording import describe_model


def gather_facts(network: TrainedModel, name: str, cost: Cost | None) -> dict[str, Any]:
    """Return the facts, for JSON. What is not known is left out; the strings may hold any character.

    `nats` and `bits` are those per character of the validation text; `int8_bits` with rounded weights beside
    float32's, and their difference. A loss that is not finite is not known: JSON has no such numbers. Raises
    CharloopError for a run whose files hold values of wrong types.
    """
    known: Mapping[str, Any] = network.facts
    if network.run:
        all_known = {"step": 0, "validation_loss": None, **known}
        found_there = checked(all_known, Weights, network.run.path / WEIGHTS)
        known = {key: value for key, value in found_there.items() if key in known}
    loss = known.get("validation_loss")
    found: dict[str, Any] = {
        "name": name,
        "charloop": version("charloop"),
        "network": describe_model(network.model.config),
        "parameters": sum(value.size for value in network.params.values()),
        "step": known.get("step"),
        "nats": loss if loss is not None and math.isfinite(loss) else None,
        "text": describe_text(network.run) if network.run else None,
    }
    if found["nats"] is not None:
        found["bits"] = found["nats"] / float(np.log(2))
    if cost is not None and math.isfinite(cost.difference):
        found["int8_bits"] = {
            "float32": cost.before,
            "int8": cost.after,
            "difference": cost.difference,
            "characters": cost.characters,
        }
    return {key: value for key, value in found.items() if value is not None}


def describe_text(run: RunFolder) -> dict[str, Any]:
    """Return what the run's config.json says of its text: its description, hash and sizes."""
    text = checked(run.text, TextFacts, run.path / CONFIG)
    return {key: value for key, value in text.items() if key in TEXT_KEYS}
