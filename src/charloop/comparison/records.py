"""A comparison as plain values, for JSON: losses in nats per character, None if not finite."""

import math
from collections.abc import Sequence
from typing import Any

from charloop.comparison.cells import CellScores
from charloop.comparison.runs import RunScore
from charloop.evaluation import Score


def runs_record(
    name: str, notes: Sequence[str], entries: Sequence[RunScore], to_loss: float | None
) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "text": name,
        "characters": entries[0].score.characters,
        "to_loss": to_loss,
        "best": entries[0].name,
        "runs": [run_record(entry, to_loss) for entry in entries],
        "notes": list(notes),
    }


def run_record(entry: RunScore, to_loss: float | None) -> dict[str, Any]:
    """Return a run as plain values."""
    history, behind = entry.history, entry.behind
    reached = history.reached(to_loss) if to_loss else None
    return {
        "run": entry.name,
        **score_record(entry.score),
        **({"dynamic": score_record(entry.dynamic)} if entry.dynamic else {}),
        "difference_to_best": behind
        and {
            "nats_per_character": behind.nats,
            "interval": [behind.low, behind.high],
            "p_value": behind.p_value,
            "blocks": behind.blocks,
        },
        "parameters": entry.parameters,
        "weights_step": entry.step,
        "steps": history.last_step,
        "training_characters_per_second": history.pace,
        "steps_to_loss": reached and reached[0],
        "seconds_to_loss": reached and reached[1],
    }


def score_record(score: Score) -> dict[str, Any]:
    """Return a loss and its interval as plain values; None where they are not finite."""
    finite, interval = math.isfinite(score.loss), score.interval
    return {
        "nats_per_character": score.loss if finite else None,
        "bits_per_character": score.bits_per_character if finite else None,
        "interval": interval and [interval.low, interval.high],
    }


def cells_record(
    name: str, notes: Sequence[str], groups: Sequence[CellScores], to_loss: float | None
) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "text": name,
        "characters": groups[0].entries[0].score.characters,
        "to_loss": to_loss,
        "seeds": list(groups[0].seeds),
        "best": groups[0].name,
        "cells": [cell_record(group, to_loss) for group in groups],
        "notes": list(notes),
    }


def cell_record(group: CellScores, to_loss: float | None) -> dict[str, Any]:
    """Return a cell as plain values, with its runs."""
    loss, behind, on_text = group.loss, group.behind, group.on_text
    reached = group.reached(to_loss) if to_loss else []
    finite = behind and math.isfinite(behind.mean)
    return {
        "cell": group.name,
        "nats_per_character": number(loss.mean),
        "bits_per_character": number(loss.mean / math.log(2)),
        "standard_deviation": loss.deviation,
        "interval": loss.interval and [*loss.interval],
        "difference_to_best": behind
        and {
            "nats_per_character": number(behind.mean),
            "over_seeds": {"interval": behind.interval and [*behind.interval], "p_value": behind.p_value}
            if finite
            else None,
            "over_text": on_text
            and {
                "interval": [on_text.low, on_text.high],
                "p_value": on_text.p_value,
                "blocks": on_text.blocks,
            },
        },
        "parameters": group.entries[0].parameters,
        "training_characters_per_second": group.pace,
        "seeds_that_came_to_loss": len(reached) if to_loss else None,
        "steps_to_loss": sum(steps for steps, _ in reached) / len(reached) if reached else None,
        "seconds_to_loss": sum(seconds for _, seconds in reached) / len(reached) if reached else None,
        "runs": [
            {"seed": seed}
            | {key: v for key, v in run_record(entry, to_loss).items() if key != "difference_to_best"}
            for seed, entry in zip(group.seeds, group.entries, strict=True)
        ],
    }


def number(value: float) -> float | None:
    """Return a number, or None if it is not finite, which JSON cannot hold."""
    return value if math.isfinite(value) else None
