"""What runs a layer over time: the seam, what may happen to a batch row beside a step, and XLA's loop."""

from charloop.engines.base import Engine, Layer, Made, Sources
from charloop.engines.partition import partition_cell, parts_of
from charloop.engines.parts import Parts
from charloop.engines.row_flags import Marks, are_idle, are_reset, make_marks, marked_step
from charloop.engines.xla import MAX_ONE_HOT_ROWS, XLA, XlaLoop

__all__ = [
    "MAX_ONE_HOT_ROWS",
    "XLA",
    "Engine",
    "Layer",
    "Made",
    "Marks",
    "Parts",
    "Sources",
    "XlaLoop",
    "are_idle",
    "are_reset",
    "make_marks",
    "marked_step",
    "partition_cell",
    "parts_of",
]
