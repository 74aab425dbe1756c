"""Opens the networks that RUN+RUN names."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from charloop.errors import CharloopError
from charloop.progress import ProgressListener
from charloop.trained.loading import load
from charloop.trained.network import TrainedModel
from charloop.trained.ngram import make_ngram

NGRAM = "ngram"
"""What stands for the n-gram of the training text of the run before it."""


def load_members(
    names: Sequence[str], listener: ProgressListener | None = None, **how: Any
) -> Iterator[TrainedModel]:
    """Yield the networks in the run folders `names`; "ngram" is the n-gram of the run before it.

    `how` is as in `load`. Raises CharloopError as `load` and `make_ngram` do, and for an n-gram without a run.
    """
    network: TrainedModel | None = None
    for name in names:
        is_ngram = name == NGRAM and not os.path.exists(name)
        if not name or (is_ngram and network is None):
            raise CharloopError("runs to mix", got="+".join(names), allowed="RUN+RUN, or RUN+ngram")
        if is_ngram and network is not None:
            yield make_ngram(network, listener)
        else:
            network = load(Path(name), **how)
            yield network
