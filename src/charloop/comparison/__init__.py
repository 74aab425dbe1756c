"""Runs, and cells over several seeds, compared on one text: losses, differences, and whether they may be chance."""

from charloop.comparison.cells import CellScores, group_by_cell, rank_cells
from charloop.comparison.records import cells_record, runs_record
from charloop.comparison.runs import Choice, RunScore, ScoredRuns, rank_runs, score_runs
from charloop.comparison.sweep import Sweep, train_sweep
from charloop.comparison.texts import refuse_stream

__all__ = [
    "CellScores",
    "Choice",
    "RunScore",
    "ScoredRuns",
    "Sweep",
    "cells_record",
    "group_by_cell",
    "rank_cells",
    "rank_runs",
    "refuse_stream",
    "runs_record",
    "score_runs",
    "train_sweep",
]
