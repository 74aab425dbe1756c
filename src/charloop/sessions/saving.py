"""A session in a file: its text, the network's state and the settings, but not the network."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from charloop.checkpoint.checksums import checksum, load_tensors, pack_file, pack_tree, unpack_tree
from charloop.conversion import convert
from charloop.errors import CharloopError
from charloop.files.output import check_output, write_output
from charloop.sampling.compiled_loop import place_rows
from charloop.sampling.config import SamplingConfig
from charloop.sampling.prompt import Beginning
from charloop.sessions.mark import EMPTY, NO_IDS, Mark, Network, Reached
from charloop.sessions.tape import Tape

KIND = "charloop session 1"
STATE = "state/"


class _Facts(msgspec.Struct, forbid_unknown_fields=True):
    """What a file says besides its arrays."""

    config: dict[str, Any]
    sample: int
    context: str
    is_context: bool
    start: tuple[int, ...]
    settled: int | None
    """How many ids the network has read; None if its state is not in the file."""
    turns: int
    is_drawn: bool
    """Whether the text ends with what the network drew, of which it may have kept nothing."""
    network: dict[str, Any]
    """What was known of the network."""


def save_tape(tape: Tape, path: str | os.PathLike[str]) -> None:
    """Write a tape to the file `path`. Raises CharloopError if that is impossible."""
    at, network = tape.at, tape.network
    ids, drawn = at.history.last()
    arrays = {"ids": ids, "drawn": drawn}
    writing, unread = at.reached
    arrays |= {f"{STATE}{name}": leaf for name, leaf in pack_tree(writing).items()}
    settled = None if writing is None else len(ids) - unread
    beginning = network.beginning
    said = {
        "config": asdict(tape.config),
        "sample": tape.sample,
        "context": beginning.text,
        "is_context": beginning.is_context,
        "start": beginning.start,
        "settled": settled,
        "turns": at.history.turns,
        "is_drawn": at.history.is_drawn,
        "network": {"step": network.step},
    }
    content = pack_file(arrays, {"kind": KIND, "facts": json.dumps(said), **identify(network)})
    check_output("session", str(path), overwrite=True)
    write_output("session", str(path), lambda file: file.write(content), overwrite=True)


def identify(network: Network) -> dict[str, str]:
    """Return hashes that tell one network, and its weights, from others."""
    arrays = {name: np.asarray(value) for name, value in network.params.items()}
    shapes = {name: np.array(array.shape) for name, array in arrays.items()}
    facts = {"vocabulary": network.vocabulary.fingerprint}
    # The same networks can be mixed in another way.
    if kind := getattr(network.model, "kind", ""):
        facts["mix"] = kind
    return {
        "network": checksum(shapes, facts),
        "weights": checksum(arrays, {}),
    }


def load_tape(path: str | os.PathLike[str], network: Network, *, reread: bool) -> Tape:
    """Read the tape in the file `path`. The beginning of `network` is replaced by that of the tape.

    With `reread`, other weights read its text again. Raises CharloopError for a file that is no session, is damaged,
    or is of another network, or of other weights without `reread`.
    """
    arrays, said, metadata = _read(Path(path))
    known = identify(network)
    if metadata.get("network") != known["network"]:
        raise CharloopError(f"{path} is a session of another network", do="load the network that wrote it")
    is_same = metadata.get("weights") == known["weights"]
    if not is_same and not reread:
        steps = f"of step {said.network.get('step')}, and these are of step {network.step}"
        raise CharloopError(
            f"{path} was saved with other weights, {steps}",
            do="load those, or give reread=True: then these weights read its text again",
        )
    try:
        beginning = Beginning(said.context, said.is_context, said.start)
        config = convert(said.config, SamplingConfig)
        tape = Tape(replace(network, beginning=beginning, unknown=config.unknown), config, said.sample)
        tape.at = _restore(tape.network, arrays, said, is_same=is_same)
    except (CharloopError, msgspec.ValidationError, KeyError, IndexError, ValueError) as error:
        raise _refuse(path, str(error)) from None
    return tape


def _read(path: Path) -> tuple[dict[str, np.ndarray], _Facts, dict[str, str]]:
    """Return the arrays, the facts and the metadata of a session's file."""
    if not path.exists():
        raise CharloopError(f"there is no session {path}", do="Session.save makes one")
    try:
        arrays, metadata = load_tensors(path)
    except CharloopError as error:
        raise _refuse(path, error.what) from None
    if metadata.get("kind") != KIND:
        raise CharloopError(f"{path} is no session of this version of charloop", do="Session.save makes one")
    try:
        return arrays, convert(json.loads(metadata["facts"]), _Facts), metadata
    except (KeyError, ValueError, RecursionError, msgspec.ValidationError) as error:
        raise _refuse(path, str(error)) from None


def _refuse(path: str | os.PathLike[str], reason: str) -> CharloopError:
    return CharloopError(f"{path} is no session, or damaged ({reason})", do="Session.save makes one")


def _restore(network: Network, arrays: Mapping[str, np.ndarray], said: _Facts, *, is_same: bool) -> Mark:
    """Return the place at the end of the text; other weights read all of it again."""
    ids, drawn = arrays["ids"], arrays["drawn"]
    network.vocabulary.decode(ids)
    edges, history = np.flatnonzero(np.diff(drawn)) + 1, EMPTY
    for part, is_drawn in zip(np.split(ids, edges), np.split(drawn, edges), strict=True):
        history = history.add(part, is_drawn=bool(is_drawn.any()))
    if said.is_drawn and not history.is_drawn:
        history = history.add(NO_IDS, is_drawn=True)
    history = replace(history, turns=said.turns)
    if said.settled is None or not is_same:
        return Mark(network, history, Reached(None, len(ids)))
    packed = {name.removeprefix(STATE): leaf for name, leaf in arrays.items() if name.startswith(STATE)}
    writing = place_rows(unpack_tree(network.state_shapes(), packed))
    return Mark(network, history, Reached(writing, len(ids) - said.settled))
