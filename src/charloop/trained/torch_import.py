"""A network of PyTorch as one of charloop: its state dict and its vocabulary."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError
from safetensors.numpy import load

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.model import CharLM
from charloop.trained.network import TrainedModel
from charloop.trained.torch_state import TorchState, find_parts

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
    found = state if isinstance(state, Mapping) else read_state(Path(state))
    arrays = {name: as_float32(name, value) for name, value in sorted(flatten(found).items())}
    known, order = (
        (vocabulary, np.arange(vocabulary.size))
        if isinstance(vocabulary, Vocabulary)
        else read_vocabulary(Path(vocabulary))
    )
    parts = find_parts({n: v for n, v in arrays.items() if v is not None}, known.size, names or {})
    config = ModelConfig(
        cell=parts.cell,
        num_layers=parts.num_layers,
        hidden_size=parts.hidden_size,
        embed_size=0 if parts.embedding is None else parts.embedding.shape[1],
        tie_embedding=parts.readout is None,
    )
    model = CharLM.build(config, known.size, known.end_id)
    params = {name: jnp.array(value) for name, value in arrange(parts, order).items()}
    notes = (TANH,) if parts.cell == "rnn" else ()
    return TrainedModel(model, params, known, {"step": 0, "validation_loss": None}, (*notes, *model.notes))


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


def read_state(path: Path) -> Mapping[str, Any]:
    """Return the tensors in a file, by name. Raises CharloopError for one that cannot be read, or only by PyTorch."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise CharloopError(f"cannot read {path} ({getattr(error, 'strerror', error)})") from None
    if path.suffix == ".safetensors":
        try:
            tensors: Mapping[str, Any] = load(content)
        except (SafetensorError, TypeError, KeyError, AttributeError) as error:
            raise CharloopError(f"{path} is not a safetensors file of float32 ({error})") from None
        return tensors
    return read_with_torch(path)


def read_with_torch(path: Path) -> Mapping[str, Any]:
    """Return what PyTorch has saved. With `weights_only`, it runs no code of the file."""
    try:
        import torch
    except ImportError:
        raise CharloopError(
            f"reading {path} needs PyTorch, which is not installed here",
            do="install torch, or save it as X.safetensors with safetensors.torch.save_file(model.state_dict(), ...)",
        ) from None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its reader and zipfile raise
        raise CharloopError(
            f"{path} is not a file of weights alone ({type(error).__name__})",
            do="write it with torch.save(model.state_dict(), FILE)",
        ) from None
    if not isinstance(found, Mapping):
        raise CharloopError(f"the content of {path}", got=type(found).__name__, allowed="a state dict")
    return found


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what is in a checkpoint's dictionaries, such as {"model": {...}, "step": 1}, by names with dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        more = (
            flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
        found |= more
    return found


def as_float32(name: str, value: Any) -> Float32[np.ndarray, "..."] | None:
    """Return a tensor or array of floating-point numbers; None for anything else."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    array = np.asarray(value) if hasattr(value, "shape") else np.zeros(0, int)
    if array.dtype.kind != "f":
        return None
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise CharloopError(
            f"{name} has numbers that are not finite", do="choose weights from before training diverged"
        )
    return array


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
        document = [by_id.get(str(number)) for number in range(len(by_id))]
    symbols = document if isinstance(document, list) else []
    wrong = [one for one in symbols if not isinstance(one, str) or len(one) != 1]
    twice = [one for one in {*map(str, symbols)} if symbols.count(one) > 1]
    if wrong or twice or not symbols:
        got = wrong[0] if wrong else f"{min(twice)!r} twice" if twice else type(document).__name__
        raise CharloopError(
            f"the vocabulary in {path}",
            got=got,
            allowed="distinct single characters in the order of their ids: a list in JSON, or a text",
        )
    order = sorted(range(len(symbols)), key=symbols.__getitem__)
    return Vocabulary(tuple(symbols[n] for n in order)), np.array(order)
