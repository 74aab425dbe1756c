"""Loss curves: their model (`curves`), read from runs (`runs`), and drawn for print by matplotlib (`drawing`)."""

from charloop.figures.curves import AGAINST, Against, Band, Curves, Line
from charloop.figures.runs import average_runs, read_curves

__all__ = ["AGAINST", "Against", "Band", "Curves", "Line", "average_runs", "read_curves"]
