"""Networks that learn from what they have predicted, in encoder and decoder alike: trained ones, and a new one."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Integer

from charloop.checkpoint.checksums import checksum, pack_tree
from charloop.compression.coder import Probabilities
from charloop.compression.machine import describe_network
from charloop.compression.predicting import PROBE_STEPS, Method, NetworkPredictor, opening_of
from charloop.config import DynamicConfig, ModelConfig
from charloop.data import Vocabulary
from charloop.evaluation.dynamic import Rates, learn_segment, segment_loss
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Parameters, State

Segment = tuple[Any, Any, Any]
"""Inputs, targets, and which targets are scored, all of them: each `[time, batch]`."""
Learn = Callable[[Parameters, Any, State, Segment], tuple[Parameters, Any]]
"""From the weights, what it keeps beside them, the memory before a segment, and the segment, to new weights."""

RULE = optax.chain(optax.clip_by_global_norm(1), optax.scale_by_adam())
"""How a new network learns: Adam, by a gradient whose norm is at most 1."""


@dataclass(frozen=True)
class ScratchConfig:
    """A network that learns a file from nothing: an LSTM on bytes, and Adam after each segment."""

    hidden_size: int = 256
    num_layers: int = 1
    embed_size: int = 64
    rate: float = 0.004
    segment: int = 16
    min_row: int = 50_000
    """Bytes in a row, of which there are up to 16."""


class LearningPredictor(NetworkPredictor):
    """Predicts with weights that learn from each segment of all rows once it has been read.

    The memory is emptied by `begin`; what the weights have learned stays.
    """

    def __init__(
        self,
        network: TrainedModel,
        rows: int,
        start: Integer[np.ndarray, " start"],
        segment: int,
        learn: Learn,
        kept: Any = (),
    ) -> None:
        super().__init__(network, rows, start)
        self._segment, self._learn, self._kept = segment, learn, kept
        self._before, self._seen = self.state, list[np.ndarray]()

    def begin(self) -> Probabilities:
        """Return the probabilities of each row's first character."""
        probabilities = super().begin()
        self._before, self._seen = self.state, []
        return probabilities

    def read(self, tokens: Integer[np.ndarray, " rows"]) -> Probabilities:
        """Return the probabilities after `tokens`, which complete a segment now and then."""
        self._seen.append(np.array(tokens, np.int32))
        if len(self._seen) > self._segment:
            text = np.stack(self._seen)
            segment = text[:-1], text[1:], np.ones(text[1:].shape, bool)
            self.params, self._kept = self._learn(self.params, self._kept, self._before, segment)
            self._before, self._seen = self.state, self._seen[-1:]
        return super().read(tokens)


def predict_dynamically(network: TrainedModel, scales: Parameters, config: DynamicConfig) -> Method:
    """Return the method of a network under dynamic evaluation; `scales` are those of `measure_scales`."""
    start, rates = opening_of(network), (config.dynamic_rate, config.dynamic_decay, config.dynamic_epsilon)
    learn = partial(learn_dynamically, network.model, network.params, scales, Rates(*map(np.float32, rates)))
    return Method(
        network.vocabulary,
        describe_network(network)
        | {
            "start": start.tolist(),
            "dynamic": asdict(config),
            "scales": checksum(pack_tree(scales), {})[:16],
        },
        lambda tokens: min(config.dynamic_rows, max(1, tokens)),
        lambda rows: LearningPredictor(network, rows, start, config.dynamic_segment, learn),
        max(PROBE_STEPS, config.dynamic_segment + 2),
    )


def predict_from_scratch(config: ScratchConfig) -> Method:
    """Return the method of a network that begins with random weights, equal each time."""
    vocabulary = Vocabulary.of_bytes()
    sizes = ModelConfig("lstm", (), config.num_layers, config.hidden_size, config.embed_size)
    model = CharLM.build(sizes, vocabulary.size)
    network = TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})
    learn, kept = partial(learn_by_adam, model, config.rate), RULE.init(network.params)
    start = np.frombuffer(b"\n", np.uint8)
    return Method(
        vocabulary,
        describe_network(network) | {"scratch": asdict(config)},
        lambda tokens: max(1, min(16, tokens // config.min_row)),
        lambda rows: LearningPredictor(network, rows, start, config.segment, learn, kept),
    )


@partial(jax.jit, static_argnames="model")
def learn_dynamically(
    model: CharLM,
    trained: Parameters,
    scales: Parameters,
    rates: Rates,
    params: Parameters,
    kept: tuple[()],
    state: State,
    segment: Segment,
) -> tuple[Parameters, tuple[()]]:
    """Return the weights after a step of dynamic evaluation."""
    (params, _), _ = learn_segment(model, trained, scales, rates, (params, state), segment)
    return params, kept


@partial(jax.jit, static_argnames="model")
def learn_by_adam(
    model: CharLM, rate: Any, params: Parameters, kept: optax.OptState, state: State, segment: Segment
) -> tuple[Parameters, optax.OptState]:
    """Return the weights and Adam's moments after an update."""
    gradient, _ = jax.grad(segment_loss, 1, has_aux=True)(model, params, state, *segment)
    moves, kept = RULE.update(gradient, kept)
    return jax.tree.map(lambda now, move: now - rate * move, params, moves), kept
