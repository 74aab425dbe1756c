"""Trials of the settings in a space: what varies (`space`), which points are tried, how far each is trained."""

from charloop.comparison.search.record import locked_folder
from charloop.comparison.search.search import Failed, Search, train_search
from charloop.comparison.search.space import Space, read_space
from charloop.comparison.search.trials import Row, Trial

__all__ = [
    "Failed",
    "Row",
    "Search",
    "Space",
    "Trial",
    "locked_folder",
    "read_space",
    "train_search",
]
