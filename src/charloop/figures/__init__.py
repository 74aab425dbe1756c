"""Figures for print: what is drawn (`curves`), and with what (`drawing`, which needs matplotlib)."""

from charloop.figures.curves import AXES, Axis, Band, Curves, Line, curves_of
from charloop.figures.seeds import over_seeds

__all__ = ["AXES", "Axis", "Band", "Curves", "Line", "curves_of", "over_seeds"]
