"""Recurrent character language models: any text in, a trained network, new text out.

The public names load when first used, so that `charloop --help` need not wait for JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charloop.auto.resolving import choose_config
    from charloop.cells import CELLS, Cell
    from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
    from charloop.data import Vocabulary, load_corpus
    from charloop.errors import CharloopError
    from charloop.evaluation import Score
    from charloop.exporting import export
    from charloop.exporting.pushing import push
    from charloop.model import CharLM
    from charloop.presets import find_preset
    from charloop.sampling import SamplingConfig
    from charloop.sessions import Session
    from charloop.trained import TrainedModel, load
    from charloop.trained.torch_import import import_torch
    from charloop.training.new_runs.range_test import find_learning_rate
    from charloop.training.run import resume, train
    from charloop.unroll import UNROLLINGS

_HOMES = {
    "CELLS": "cells",
    "Cell": "cells",
    "CharLM": "model",
    "CharloopError": "errors",
    "DataConfig": "config",
    "ModelConfig": "config",
    "RunConfig": "config",
    "SamplingConfig": "sampling",
    "Score": "evaluation",
    "Session": "sessions",
    "TrainedModel": "trained",
    "TrainingConfig": "config",
    "UNROLLINGS": "unroll",
    "Vocabulary": "data",
    "choose_config": "auto.resolving",
    "export": "exporting",
    "find_learning_rate": "training.new_runs.range_test",
    "find_preset": "presets",
    "import_torch": "trained.torch_import",
    "load": "trained",
    "load_corpus": "data",
    "push": "exporting.pushing",
    "resume": "training.run",
    "train": "training.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'charloop' has no attribute {name!r}")
    return getattr(importlib.import_module(f"charloop.{_HOMES[name]}"), name)


__all__ = [
    "CELLS",
    "UNROLLINGS",
    "Cell",
    "CharLM",
    "CharloopError",
    "DataConfig",
    "ModelConfig",
    "RunConfig",
    "SamplingConfig",
    "Score",
    "Session",
    "TrainedModel",
    "TrainingConfig",
    "Vocabulary",
    "choose_config",
    "export",
    "find_learning_rate",
    "find_preset",
    "import_torch",
    "load",
    "load_corpus",
    "push",
    "resume",
    "train",
]
