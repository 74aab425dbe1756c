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
    return Session(Tape(_parts(network, context, label, config), config), _facts(network))


def load_session(network: "TrainedModel", path: str | os.PathLike[str], *, reread: bool) -> Session:
    """Return the session in the file `path`."""
    facts, parts = _facts(network), _parts(network, "", None, SamplingConfig())
    return Session(load_tape(path, parts, facts, reread=reread), facts)


def _parts(
    network: "TrainedModel", context: str | None, label: str | None, config: SamplingConfig
) -> Network:
    beginning = network.opening(context, label)
    return Network(network.model, network.params, network.vocabulary, beginning, config.unknown)


def _facts(network: "TrainedModel") -> dict[str, int | None]:
    return {"step": network.facts.get("step")}
