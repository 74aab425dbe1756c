"""charloop of another checkout, which the environment variable OLD_TREE names: what a change costs.

git worktree add /tmp/old COMMIT
OLD_TREE=/tmp/old charloop bench train --cells lstm gru --against charloop old_tree
"""

import os
import sys


def build(setting):
    tree = os.environ.get("OLD_TREE")
    if not tree:
        raise NotImplementedError("OLD_TREE names no checkout")
    sys.path.insert(0, f"{tree}/src")
    from charloop.benchmark import own

    assert own.__file__.startswith(tree), own.__file__
    return own.build(setting)
