"""Runs that were never trained: whole folders and networks whose numbers are of no importance, made in no time."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from charloop.checkpoint import RunFolder
from charloop.config import DataConfig, ModelConfig, RunConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.report import Missing, Report, ReportSources, gather_report
from charloop.trained import TrainedModel
from charloop.types import Parameters

SENTENCE = 'He said: "The cat (a black one) sat on the mat," and left.\n\n'
LONG = SENTENCE * 40


def network(vocabulary: Vocabulary, **settings: Any) -> TrainedModel:
    """Two layers of 7 units, or as `settings` say, with weights by chance."""
    return TrainedModel(*weighed(vocabulary.size, **settings), vocabulary, {})


@cache
def weighed(size: int, **settings: Any) -> tuple[CharLM, Parameters]:
    settings = {"num_layers": 2, "hidden_size": 7, "embed_size": 5} | settings
    model = CharLM.build(ModelConfig(**settings), size)
    return model, model.init(jax.random.key(0))


def folder_of(path: Path, vocabulary: Vocabulary, steps: int = 30, *evaluated: int) -> RunFolder:
    """A run's folder with `steps` steps, evaluated after some of them."""
    path.mkdir()
    run = RunFolder(path, RunConfig(DataConfig(("a",), batch_size=3, seq_length=5)), vocabulary, {})
    lines: list[dict[str, Any]] = [
        {"kind": "step", "step": step, "loss": 1 + 3 / step} for step in range(1, steps + 1)
    ]
    lines += [
        {"kind": "evaluation", "step": step, "loss": 1.1 + 3 / step, "elapsed": 0.5 * step}
        for step in evaluated
    ]
    run.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return run


def no_training() -> np.ndarray:
    raise CharloopError("the text of the run has changed")


def sources(
    vocabulary: Vocabulary, text: str | bytes | Missing, training: str | bytes | None = None, **settings: Any
) -> ReportSources:
    """`text` to look at, the training text if there is one."""

    def read() -> np.ndarray:
        return vocabulary.encode(training) if training is not None else no_training()

    tokens = text if isinstance(text, Missing) else vocabulary.encode(text)
    given = {"held_out": True, "characters": 8000, "seed": 0} | settings
    return ReportSources("a text", tokens, training=read, **given)


def report_of(
    path: Path,
    text: str | bytes | Missing,
    *,
    vocabulary: Vocabulary | None = None,
    evaluated: Sequence[int] = (10, 30),
    steps: int = 30,
    training: str | bytes | None = None,
    cell: str = "lstm",
    **settings: Any,
) -> tuple[Report, Vocabulary]:
    """The report of a network that was never trained, on `text`."""
    vocabulary = vocabulary or Vocabulary.of_text(text if isinstance(text, str) else SENTENCE)
    run = folder_of(path, vocabulary, steps, *evaluated)
    given = sources(vocabulary, text, training, **settings)
    return gather_report(run, network(vocabulary, cell=cell), given), vocabulary
