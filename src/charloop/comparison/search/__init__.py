"""Trials of the settings in a space: what varies (`space`), which points are tried, how far each is trained."""

from charloop.comparison.search.record import locked_folder
from charloop.comparison.search.space import Space, read_space
from charloop.comparison.search.space_sweep import Failed, SpaceSweep, train_space
from charloop.comparison.search.trials import Row, Trial

__all__ = [
    "Failed",
    "Row",
    "Space",
    "SpaceSweep",
    "Trial",
    "locked_folder",
    "read_space",
    "train_space",
]
