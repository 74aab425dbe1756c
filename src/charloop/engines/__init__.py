"""Engines run a layer over time: their protocol, XLA's engine, a step divided at its products, resets and lengths."""

from charloop.engines.base import Engine, ForwardResult, LayerArrays, SourceArrays
from charloop.engines.partition import partition_cell, partition_step
from charloop.engines.parts import Parts
from charloop.engines.row_flags import RowFlags, are_idle, are_reset, encode_row_flags, step_with_flags
from charloop.engines.xla import MAX_ONE_HOT_ROWS, XLA, XlaLoop

__all__ = [
    "MAX_ONE_HOT_ROWS",
    "XLA",
    "Engine",
    "ForwardResult",
    "LayerArrays",
    "Parts",
    "RowFlags",
    "SourceArrays",
    "XlaLoop",
    "are_idle",
    "are_reset",
    "encode_row_flags",
    "partition_cell",
    "partition_step",
    "step_with_flags",
]
