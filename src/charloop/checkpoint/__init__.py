"""A run's folder: what it is, its vocabulary, its weights, its training state. Nothing in it is ever half-written."""

from charloop.checkpoint.files import append_line, write_atomically
from charloop.checkpoint.run_folder import RunFolder
from charloop.checkpoint.tensors import load_tensors, save_tensors
from charloop.checkpoint.trees import pack_tree, unpack_tree

__all__ = [
    "RunFolder",
    "append_line",
    "load_tensors",
    "pack_tree",
    "save_tensors",
    "unpack_tree",
    "write_atomically",
]
