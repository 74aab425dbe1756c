"""The text that a network was trained on, read again."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer

from charloop.checkpoint.texts import read_training_text
from charloop.errors import CharloopError
from charloop.originality import SuffixIndex, load_or_build_index
from charloop.progress import ProgressListener

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel


def read_text(
    network: "TrainedModel", listener: ProgressListener | None = None
) -> Integer[np.ndarray, " length"]:
    """Return the tokens of the training text. Raises CharloopError if there is no run, or the text has changed."""
    if network.run is None:
        raise CharloopError("no training text to compare with", do="load the network from its run's folder")
    return read_training_text(network.run, listener)


def index_text(network: "TrainedModel", listener: ProgressListener | None = None) -> SuffixIndex:
    """Return the index of the training text without labels, which no written text has."""
    tokens = network.vocabulary.remove_labels(read_text(network, listener))
    return load_or_build_index(tokens, listener=listener)
