"""Sessions of a trained network."""

import os
from typing import TYPE_CHECKING

from charloop.sampling import SamplingConfig
from charloop.sessions import Session
from charloop.sessions.mark import Network
from charloop.sessions.saving import load_tape
from charloop.sessions.tape import Tape

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel


def begin_session(
    network: "TrainedModel", context: str | None, label: str | None, config: SamplingConfig
) -> Session:
    """Return a session whose text is empty."""
    beginning, step = network.opening(context, label), network.facts.get("step")
    parts = Network(network.model, network.params, network.vocabulary, beginning, config.unknown, step)
    return Session(Tape(parts, config))


def load_session(network: "TrainedModel", path: str | os.PathLike[str], *, reread: bool) -> Session:
    """Return the session in the file `path`."""
    empty = begin_session(network, "", None, SamplingConfig())
    return Session(load_tape(path, empty.mark().network, reread=reread))
