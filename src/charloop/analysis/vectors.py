"""Documents as vectors: what a layer puts out when it has read one, to classify, cluster or compare documents."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from charloop.data.documents.order import find_ends
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.progress import Meter, ProgressListener
from charloop.trained import TrainedModel
from charloop.types import Characters, Parameters, State

ROWS, PIECE = 64, 64
"""Documents that are read side by side, and the characters of each that one call reads."""


def embed_documents(
    network: TrainedModel,
    tokens: Integer[np.ndarray, " length"],
    *,
    layer: int | None = None,
    pooling: Literal["last", "mean"] = "last",
    listener: ProgressListener | None = None,
) -> Float[np.ndarray, "documents units"]:
    """Return a vector of each document of `tokens`, which begin and end with the end symbol.

    "last" is the output of `layer` (from 1; the last if None) after a document's last character, "mean" the mean of
    its outputs over all characters. A label is read before them. Raises CharloopError for a network of one text, or a
    layer that it does not have.
    """
    layers = network.model.config.num_layers
    if layer is not None and not 1 <= layer <= layers:
        raise CharloopError(
            "layer", got=layer, allowed="1, the only one" if layers == 1 else f"1 to {layers}"
        )
    index = (layers if layer is None else layer) - 1
    ends = find_ends(tokens, network.end_id)
    starts, sizes, labels = ends[:-1], np.diff(ends), network.vocabulary.label_ids
    first = np.asarray(tokens[starts + 1], np.int64)
    # What is read before the first character: the start symbol, and a label if there is one.
    before = 1 + ((first >= labels.start) & (first < labels.stop))
    vectors = np.zeros((len(starts), network.model.cell.hidden_size), np.float32)
    meter = Meter(listener)
    meter.begin("reading documents", len(tokens), "million characters")
    # Documents of about the same length together: the shorter ones wait for the longest.
    order = np.argsort(sizes, kind="stable")
    for batch in np.split(order, range(ROWS, len(order), ROWS)):
        parts = starts[batch], sizes[batch], before[batch]
        vectors[batch] = _read_batch(network, tokens, *parts, index, pooling)
        meter.add(int(sizes[batch].sum()))
    return vectors


def _read_batch(
    network: TrainedModel,
    tokens: Integer[np.ndarray, " length"],
    starts: Int[np.ndarray, " documents"],
    sizes: Int[np.ndarray, " documents"],
    before: Int[np.ndarray, " documents"],
    layer: int,
    pooling: str,
) -> Float[np.ndarray, "documents units"]:
    """Return the vectors of the documents that begin with the start symbol at `starts`.

    Of a document, `before` tokens are read before its first character.
    """
    count, state = len(starts), network.model.initial_state(ROWS)
    starts, sizes, before = (np.pad(values, (0, ROWS - count)) for values in (starts, sizes, before))
    last = total = np.zeros((ROWS, network.model.cell.hidden_size), np.float32)
    for begin in range(0, int(sizes.max()), PIECE):
        positions = starts + begin + np.arange(PIECE)[:, None]
        lengths = np.clip(sizes - begin, 0, PIECE).astype(np.int32)
        characters = tokens[np.minimum(positions, len(tokens) - 1)].astype(np.int32)
        state, here, sums = _read_piece(
            network.model,
            layer,
            network.params,
            characters,
            state,
            lengths,
            (before - begin).astype(np.int32),
        )
        last = np.where(lengths[:, None] > 0, here, last)
        total = total + np.asarray(sums)
    found: Float[np.ndarray, "documents units"] = (
        last if pooling == "last" else total / np.maximum(sizes - before, 1)[:, None]
    )
    return found[:count]


@partial(jax.jit, static_argnames=("model", "layer"))
def _read_piece(
    model: CharLM,
    layer: int,
    params: Parameters,
    characters: Characters,
    state: State,
    lengths: Int[Array, " batch"],
    first: Int[Array, " batch"],
) -> tuple[State, Float[Array, "batch units"], Float[Array, "batch units"]]:
    """Return the state, the layer's last output of each row, and the sum of its outputs from `first` on."""
    outputs, state = model.layer_outputs(params, characters, state, lengths)
    times = jnp.arange(len(characters))[:, None]
    counted = (times >= first) & (times < lengths)
    last = jnp.take_along_axis(outputs[layer], jnp.maximum(lengths - 1, 0)[None, :, None], axis=0)[0]
    return state, last, jnp.where(counted[:, :, None], outputs[layer], 0.0).sum(axis=0)
