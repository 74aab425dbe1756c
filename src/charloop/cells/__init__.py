"""The registry of cells, one line per cell: a new cell adds its own file and a line here."""

from charloop.cells.base import Cell, blocks, linear, product
from charloop.cells.gru import gru
from charloop.cells.ln_lstm import LayerNormLSTM
from charloop.cells.lstm import LSTM
from charloop.cells.nas import NAS
from charloop.cells.registry import CellMaker, find_cell_options, is_file_cell, make_cell
from charloop.cells.rnn import RNN

CELLS: dict[str, CellMaker] = {
    "rnn": RNN,
    "gru": gru,
    "lstm": LSTM,
    "ln-lstm": LayerNormLSTM,
    "nas": NAS,
}

__all__ = [
    "CELLS",
    "Cell",
    "CellMaker",
    "blocks",
    "find_cell_options",
    "is_file_cell",
    "linear",
    "make_cell",
    "product",
]
