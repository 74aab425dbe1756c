"""charloop of another checkout, which the environment variable OLD_TREE names: what a change costs.

git worktree add ../old COMMIT
OLD_TREE=../old charloop bench train --cells lstm gru --against charloop old_tree
"""

import os
import sys
from pathlib import Path


def build(setting):
    tree = os.environ.get("OLD_TREE")
    if not tree:
        raise NotImplementedError("OLD_TREE names no checkout")
    source = Path(tree).resolve() / "src"
    sys.path.insert(0, str(source))
    from charloop.benchmark import own

    if not Path(own.__file__).resolve().is_relative_to(source):
        raise NotImplementedError(f"no charloop in {source}")
    return own.build(setting)
