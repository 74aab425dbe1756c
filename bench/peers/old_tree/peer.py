"""charloop of another checkout, which the environment variable OLD_TREE names: what a change costs.

git worktree add ../old COMMIT
OLD_TREE=../old python -m bench.train --cells lstm gru --against old_tree
"""

import importlib
import os
import runpy
import sys
from pathlib import Path


def build(setting):
    tree = os.environ.get("OLD_TREE")
    if not tree:
        raise NotImplementedError("OLD_TREE does not name a checkout")
    root = Path(tree).resolve()
    sys.path.insert(0, str(root / "src"))
    if not Path(importlib.import_module("charloop").__file__).is_relative_to(root):
        raise NotImplementedError(f"no charloop in {root}")
    program = root / "bench" / "peers" / "charloop" / "peer.py"
    if program.exists():
        return runpy.run_path(str(program))["build"](setting)
    # Where it was in older checkouts.
    return importlib.import_module("charloop.benchmark.own").build(setting)
