"""What the bits of a prediction depend on: the network, the libraries and the processor, compared before decoding."""

import os
import platform
from typing import TYPE_CHECKING, Any

import jax

from charloop.checkpoint.checksums import checksum, pack_tree
from charloop.compilation_cache import fingerprint_processor
from charloop.devices import count_cores, name_processor
from charloop.errors import CharloopError
from charloop.training.provenance import describe_part, library_version

if TYPE_CHECKING:
    from charloop.trained import TrainedModel

LIBRARIES = ("charloop", "constriction", "jax", "jaxlib", "llvmlite", "numpy")
SHOWN_DIGITS = 12
"""Digits of a hash in messages."""


def describe_network(network: "TrainedModel") -> dict[str, str]:
    """Return the sha256 of the weights and the vocabulary, and what runs the network here."""
    return {
        "network": checksum(pack_tree(network.params), {"vocabulary": network.vocabulary.fingerprint}),
        "engine": type(network.model.engine).__name__,
    }


def describe_machine() -> dict[str, Any]:
    """Return the libraries and the processor that predict here."""
    device = jax.devices()[0]
    return {
        **{name: library_version(name) for name in LIBRARIES},
        "device": name_processor() if device.platform == "cpu" else device.device_kind,
        "processor": fingerprint_processor(),
        "cores": count_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def check_facts(name: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise CharloopError if what predicts the file `name` is not what it was compressed with."""
    for part in now:
        if before.get(part) != now[part]:
            raise CharloopError(
                f"{name} was compressed with another network or other settings: {part}",
                got=shorten(now[part]),
                allowed=str(shorten(before.get(part))),
                do="name the run that it was compressed with, and its weights as they were",
            )


def shorten(fact: Any) -> Any:
    """Return the beginning of a hash, which is enough to tell two apart; anything else as it is."""
    return fact[:SHOWN_DIGITS] if isinstance(fact, str) else fact


def check_machine(name: str, before: dict[str, Any]) -> None:
    """Raise CharloopError if anything differs from where the file `name` was compressed."""
    now = describe_machine()
    names = [part for part in now if before.get(part) != now[part]]
    if names:
        was, here = (
            ", ".join(describe_part(part, values.get(part)) for part in names) for values in (before, now)
        )
        raise CharloopError(
            f"{name} was compressed with {was}; here: {here}",
            do="decompress it where it was compressed: other predictions would make another text of it",
        )
