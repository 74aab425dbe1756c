"""Networks that learn from what they have predicted, in encoder and decoder alike: trained ones, and a new one."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Integer

from charloop.checkpoint.checksums import checksum, pack_tree
from charloop.compression.coder import Probabilities
from charloop.compression.machine import describe_network
from charloop.compression.predicting import PROBE_STEPS, Method, NetworkPredictor, opening_of
from charloop.config import DynamicConfig, ModelConfig
from charloop.data import Vocabulary
from charloop.evaluation.dynamic import Rule, learn_segment, make_rule
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Parameters, State

Segment = tuple[Any, Any, Any]
"""Inputs, targets, and which targets are scored or how much they weigh: each `[time, batch]`."""
Learn = Callable[[Parameters, Any, State, Segment], tuple[Parameters, Any]]
"""From the weights, what it keeps beside them, the memory before a segment, and the segment, to new weights."""

RULE = optax.chain(optax.clip_by_global_norm(1), optax.scale_by_adam())
"""How a new network learns: Adam, by a gradient whose norm is at most 1."""

MAX_PAST = 1 << 20
"""Bytes of each row that are kept to learn from again."""


@dataclass(frozen=True)
class ScratchConfig:
    """A network that learns a file from nothing: an LSTM on bytes, and Adam after each segment."""

    hidden_size: int = 256
    num_layers: int = 1
    embed_size: int = 64
    rate: float = 0.004
    segment: int = 16
    min_row: int = 200_000
    """Bytes in a row, of which there are up to 16."""
    replayed: int = 8
    """Earlier pieces of text, as long as a segment, that it learns from beside each segment."""
    unscored: int = 4
    """Bytes at the beginning of such a piece that are only read: its memory is empty there."""


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
            segment = self._make_segment(np.stack(self._seen))
            self.params, self._kept = self._learn(self.params, self._kept, self._before, segment)
            self._before, self._seen = self.state, self._seen[-1:]
        return super().read(tokens)

    def _make_segment(self, text: Integer[np.ndarray, "time rows"]) -> Segment:
        """Return what to learn from, once `text` has been read."""
        return text[:-1], text[1:], np.ones(text[1:].shape, bool)


class ReplayingPredictor(LearningPredictor):
    """Learns from some earlier pieces of the text beside each new segment: experience replay (Lin 1992).

    In a batch, they cost little more time. The pieces are drawn at random, the same in encoder and decoder.
    """

    def __init__(self, config: ScratchConfig, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._config, self._random, self._count = config, np.random.default_rng(0), 0
        self._past = np.zeros((MAX_PAST, self.rows), np.uint8)

    def _make_segment(self, text: Integer[np.ndarray, "time rows"]) -> Segment:
        """Return the segment and earlier pieces side by side; the weights of both sum to 1."""
        config, filled = self._config, min(self._count, MAX_PAST)
        ready = filled > len(text)
        starts = self._random.integers(max(1, filled - len(text)), size=config.replayed)
        rows = self._random.integers(self.rows, size=config.replayed)
        old = self._past[starts + np.arange(len(text))[:, None], rows].astype(np.int32)
        weights = np.ones((config.segment, self.rows + config.replayed), np.float32)
        weights[:, : self.rows] /= config.segment * self.rows
        weights[: config.unscored, self.rows :] = 0
        weights[:, self.rows :] *= ready / max(1, weights[:, self.rows :].sum())
        self._past[(self._count + np.arange(config.segment)) % MAX_PAST] = text[1:]
        self._count += config.segment
        both = np.concatenate([text, old], 1)
        return both[:-1], both[1:], weights


def predict_dynamically(network: TrainedModel, gradients: Parameters, config: DynamicConfig) -> Method:
    """Return the method of a network under dynamic evaluation; `gradients` are those of `measure_gradients`."""
    start, rule = opening_of(network), make_rule(gradients, config)
    learn = partial(learn_dynamically, network.model, network.params, rule)
    return Method(
        network.vocabulary,
        describe_network(network)
        | {
            "start": start.tolist(),
            "dynamic": asdict(config),
            "gradients": checksum(pack_tree(gradients), {})[:16],
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
        lambda rows: ReplayingPredictor(config, network, rows, start, config.segment, learn, kept),
        # The first segment that earlier pieces are learned beside is the third.
        max(PROBE_STEPS, 3 * config.segment + 2),
    )


@partial(jax.jit, static_argnames="model")
def learn_dynamically(
    model: CharLM,
    trained: Parameters,
    rule: Rule,
    params: Parameters,
    kept: tuple[()],
    state: State,
    segment: Segment,
) -> tuple[Parameters, tuple[()]]:
    """Return the weights after a step of dynamic evaluation."""
    (params, _), _ = learn_segment(model, trained, rule, (params, state), segment)
    return params, kept


@partial(jax.jit, static_argnames="model")
def learn_by_adam(
    model: CharLM, rate: Any, params: Parameters, kept: optax.OptState, state: State, segment: Segment
) -> tuple[Parameters, optax.OptState]:
    """Return the weights and Adam's moments after an update. Columns beyond those of `state` have an empty memory."""
    inputs, targets, weights = segment
    more = model.initial_state(inputs.shape[1] - len(jax.tree.leaves(state)[0]))
    state = jax.tree.map(lambda own, empty: jnp.concatenate([own, empty]), state, more)

    def loss(params: Parameters) -> Any:
        logits, _ = model.apply(params, inputs, state)
        return (weights * cross_entropy(logits, targets, engine=model.engine)).sum()

    gradient = jax.grad(loss)(params)
    moves, kept = RULE.update(gradient, kept)
    return jax.tree.map(lambda now, move: now - rate * move, params, moves), kept
