"""A run's folder: what it is, its vocabulary, its weights, its training state. Nothing in it is ever half-written."""

from charloop.checkpoint.exporting import export_run
from charloop.checkpoint.lines import append_line, cut_after, flush_lines
from charloop.checkpoint.lock import locked
from charloop.checkpoint.making import new_folder
from charloop.checkpoint.run_folder import RunFolder
from charloop.checkpoint.saves import Save
from charloop.checkpoint.tensors import load_tensors, save_tensors
from charloop.checkpoint.trees import pack_tree, unpack_tree
from charloop.files.atomic import write_atomically

__all__ = [
    "RunFolder",
    "Save",
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
