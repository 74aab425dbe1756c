"""Runs, and cells over several seeds, compared on one text: losses, differences, and whether they may be chance."""

from charloop.comparison.cells import CellScores, group_by_cell, rank_cells
from charloop.comparison.records import cells_record, runs_record
from charloop.comparison.runs import RunScore, rank_runs, score_run
from charloop.comparison.texts import open_run, read_for_all, refuse_what_is_read_once

__all__ = [
    "CellScores",
    "RunScore",
    "cells_record",
    "group_by_cell",
    "open_run",
    "rank_cells",
    "rank_runs",
    "read_for_all",
    "refuse_what_is_read_once",
    "runs_record",
    "score_run",
]
