"""The configuration of a run: frozen dataclasses, with the range of each field declared beside it.

`data`, `model` and `training` are the sections of a run; `dynamic` holds the settings of dynamic evaluation, and
`ranges` the ranges that several settings share.
"""

from dataclasses import dataclass, field

from charloop.config.data import DataConfig
from charloop.config.dynamic import DynamicConfig
from charloop.config.model import NETWORK, ModelConfig
from charloop.config.training import ExpertSettings, TrainingConfig, TrainingSettings
from charloop.errors import refusing_unknown


@refusing_unknown("section of a run")
@dataclass(frozen=True)
class RunConfig:
    """All that defines a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


__all__ = [
    "NETWORK",
    "DataConfig",
    "DynamicConfig",
    "ExpertSettings",
    "ModelConfig",
    "RunConfig",
    "TrainingConfig",
    "TrainingSettings",
]
