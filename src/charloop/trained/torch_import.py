"""A network of PyTorch as one of charloop: its state dict and its vocabulary."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.data.sources import name_some
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.model import CharLM
from charloop.trained.network import TrainedModel
from charloop.trained.torch_files import gather_arrays, read_state
from charloop.trained.torch_state import Arrays, TorchState, find_parts, same

TANH = "the layers are taken for nn.RNN with tanh, charloop's rnn; a state dict does not tell tanh from relu"


def import_torch(
    state: str | Path | Mapping[str, Any],
    vocabulary: str | Path | Vocabulary,
    names: Mapping[str, str] | None = None,
) -> TrainedModel:
    """Return the network of a PyTorch state dict: an embedding or one-hot input, nn.LSTM, GRU or RNN, and a Linear.

    `state` is a file (safetensors; another is read by PyTorch, without running code of it), or tensors or arrays by
    name. The tensors are found by their shapes; `names` names those that cannot be told apart: "embedding",
    "readout", "bias" (of the readout), or "rnn" (what stands before weight_ih_l0). `vocabulary` is the file of the
    characters in the order of their ids: a list in JSON, an object from characters to ids or back, a run's
    vocabulary.json, or the characters alone as text. Raises CharloopError for anything that does not fit.
    """
    arrays = gather_arrays(state if isinstance(state, Mapping) else read_state(Path(state)))
    known, order = (
        (vocabulary, np.arange(vocabulary.size))
        if isinstance(vocabulary, Vocabulary)
        else read_vocabulary(Path(vocabulary))
    )
    parts = find_parts(arrays, known.size, names or {})
    config = ModelConfig(
        cell=parts.cell,
        num_layers=parts.num_layers,
        hidden_size=parts.hidden_size,
        embed_size=0 if parts.embedding is None else parts.embedding.shape[1],
        tie_embedding=parts.readout is None,
    )
    model = CharLM.build(config, known.size, known.end_id)
    params = {name: jnp.array(value) for name, value in arrange(parts, order).items()}
    notes = [TANH] if parts.cell == "rnn" else []
    if unused := list_unused(arrays, parts):
        notes.append(f"not read, as charloop's network has no such part: {name_some(unused)}")
    return TrainedModel(model, params, known, {"step": 0, "validation_loss": None}, (*notes, *model.notes))


def list_unused(arrays: Arrays, parts: TorchState) -> list[str]:
    """Return the names of arrays that are no part of the network, such as those of an optimizer or of more layers."""
    used = [*parts.layers.values(), parts.embedding, parts.readout, parts.bias]
    return [
        name
        for name, value in arrays.items()
        if not any(one is not None and same(value, one) for one in used)
    ]


def arrange(parts: TorchState, order: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parameters, with what belongs to a character moved to its token in the sorted vocabulary."""
    made = {f"rnn.{name}": value for name, value in parts.layers.items()}
    if parts.embedding is None:
        made["rnn.weight_ih_l0"] = made["rnn.weight_ih_l0"][:, order]
    else:
        made["embedding.weight"] = parts.embedding[order]
    if parts.readout is not None:
        made["readout.weight"] = parts.readout[order]
    return made | {"readout.bias": parts.bias[order]}


def read_vocabulary(path: Path) -> tuple[Vocabulary, np.ndarray]:
    """Return the vocabulary in a file, and for each of its tokens the row that it has in PyTorch's matrices."""
    try:
        text = read_small(path, only_file=False).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CharloopError(f"cannot read {path} ({getattr(error, 'strerror', None) or error})") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict | list) and path.suffix != ".json":
        document = [*text.rstrip("\r\n")]
    if isinstance(document, dict) and "symbols" in document:
        known = Vocabulary.from_json(document)
        return known, np.arange(known.size)
    return sort_characters(document, path)


def swap(ids: dict[str, Any]) -> dict[str, str]:
    """Return characters by their ids."""
    return {str(number): symbol for symbol, number in ids.items()}


def sort_characters(document: Any, path: Path) -> tuple[Vocabulary, np.ndarray]:
    """Return the vocabulary of characters in the order of their ids, or of an object from characters to ids."""
    if isinstance(document, dict):
        by_id = document if all(isinstance(one, str) for one in document.values()) else swap(document)
        document = [by_id.get(str(number), f"no id {number}") for number in range(len(document))]
    symbols = document if isinstance(document, list) else []
    wrong = [one for one in symbols if not isinstance(one, str) or len(one) != 1]
    twice = [one for one in {*map(str, symbols)} if symbols.count(one) > 1]
    if wrong or twice or not symbols:
        kind = "no characters" if isinstance(document, list) else type(document).__name__
        got = str(wrong[0]) if wrong else f"{min(twice)!r} twice" if twice else kind
        raise CharloopError(
            f"the vocabulary in {path}",
            got=got,
            allowed="distinct single characters in the order of their ids: a list in JSON, or a text",
        )
    order = sorted(range(len(symbols)), key=symbols.__getitem__)
    return Vocabulary(tuple(symbols[n] for n in order)), np.array(order)
