"""Figures for print: what is drawn (`curves`), and with what (`drawing`, which needs matplotlib)."""

from charloop.figures.curves import AXES, Axis, Curves, Line, curves_of

__all__ = ["AXES", "Axis", "Curves", "Line", "curves_of"]
