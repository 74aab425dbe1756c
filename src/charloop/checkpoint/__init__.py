"""A run's folder: configuration, vocabulary, weights, checkpoints, and records. No file in it is ever incomplete.

`run_folder`: the parts of a run, checked when it is opened
`new_folder`: a folder for a new run, or for an export
`names`: the names of the files in it
`checkpoints`: the files from which a run continues, and the newest that is not damaged
`checksums`: arrays in a file with a checksum, which finds damage; pytrees as arrays
`lines`: files that grow by lines, and are cut back to a checkpoint
`hub`: runs on the Hugging Face hub
`lock`: one process at a time writes to a run
`texts`: the text that a run was trained on, or another that it reads
"""

from charloop.checkpoint.checkpoints import Checkpoint
from charloop.checkpoint.checksums import load_tensors, pack_tree, save_tensors, unpack_tree
from charloop.checkpoint.lines import append_line, cut_after, flush_lines
from charloop.checkpoint.lock import locked
from charloop.checkpoint.new_folder import export_run, new_folder
from charloop.checkpoint.run_folder import RunFolder
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
