"""A run's folder: configuration, vocabulary, weights, checkpoints, and records. No file in it is ever incomplete."""

from charloop.checkpoint.checkpoints import Checkpoint
from charloop.checkpoint.lines import append_line, cut_after, flush_lines
from charloop.checkpoint.lock import locked
from charloop.checkpoint.new_folder import export_run, new_folder
from charloop.checkpoint.run_folder import RunFolder
from charloop.checkpoint.tensors import load_tensors, pack_tree, save_tensors, unpack_tree
from charloop.files.atomic import write_atomically

__all__ = [
    "Checkpoint",
    "RunFolder",
    "append_line",
    "cut_after",
    "export_run",
    "flush_lines",
    "load_tensors",
    "locked",
    "new_folder",
    "pack_tree",
    "save_tensors",
    "unpack_tree",
    "write_atomically",
]
