"""Dynamic evaluation: the network goes on learning from the text that it reads.

Krause, Kahembwe, Murray and Renals 2018, "Dynamic evaluation of neural sequence models": RMS-scaled steps, and
decay to the trained weights. Each character is predicted before the weights learn from it.

Deviation: the length of a step is bounded, as Shazeer and Stern 2018 bound Adafactor's ("Adafactor", section 6).
A scale from the training text does not bound the gradient of another text. Where a long step raised the loss, the
next gradients were larger still, and the weights of some networks grew without end.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.config import DynamicConfig
from charloop.data import release_pages
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.evaluation.evaluator import RELEASE_STEPS, Layout, add_chunk
from charloop.evaluation.score import RunningSums, Score
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.progress import Meter, ProgressListener
from charloop.types import Parameters, State

SEGMENTS_PER_CALL = 64
"""Segments that one call of the compiled program reads."""
MEASURED_SEGMENTS = 400
"""Segments of the training text, spread evenly over it, whose gradients are measured."""
LARGEST_DECAY = 0.5
"""The largest part of the way back to the trained weights that a weight goes after a segment."""


class Rule(NamedTuple):
    """How the weights learn: what the compiled program takes as numbers and arrays."""

    scales: Parameters
    """The root mean square of each weight's gradient on the training text, divided by the mean of all."""
    learning_rate: Any
    decay: Any
    epsilon: Any
    longest: Any
    """The largest root mean square of a step, before it is multiplied by the learning rate."""


def make_rule(gradients: Parameters, config: DynamicConfig) -> Rule:
    """Return the rule for `config`; `gradients` are those of `measure_gradients`."""
    numbers = config.dynamic_rate, config.dynamic_decay, config.dynamic_epsilon, config.dynamic_clip
    rate, decay, epsilon, clip = map(np.float32, numbers)
    scales, usual = find_scales(gradients, epsilon)
    return Rule(scales, rate, decay, epsilon, clip * usual)


@jax.jit
def find_scales(gradients: Parameters, epsilon: Any) -> tuple[Parameters, Float[Array, ""]]:
    """Return `gradients` divided by the mean of all, and the root mean square of a step on the training text."""
    count = sum(value.size for value in gradients.values())
    mean = sum(value.sum() for value in gradients.values()) / count
    scales = {name: value / mean for name, value in gradients.items()}
    return scales, root_mean_square(scale_steps(gradients, scales, epsilon))


def scale_steps(gradients: Parameters, scales: Parameters, epsilon: Any) -> Parameters:
    """Return `gradients`, each divided by its scale."""
    return {name: gradient / (scales[name] + epsilon) for name, gradient in gradients.items()}


def root_mean_square(values: Parameters) -> Float[Array, ""]:
    """Return the root mean square of all numbers."""
    leaves = jax.tree.leaves(values)
    return jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in leaves) / sum(leaf.size for leaf in leaves))


def measure_gradients(
    model: CharLM, params: Parameters, tokens: Integer[np.ndarray, " length"], segment: int
) -> Parameters:
    """Return the root mean square of each weight's gradient over segments of `tokens`.

    `tokens` are the training text. Before each segment the network reads up to 64 characters, so that its memory is
    not empty. Raises CharloopError for a text shorter than a segment.
    """
    if len(tokens) <= segment:
        allowed = f"more than a segment, {segment}"
        raise CharloopError("a training text", got=f"{len(tokens):,} characters", allowed=allowed)
    before = min(64, len(tokens) - 1 - segment)
    last = len(tokens) - 1 - before - segment
    starts = np.unique(np.linspace(0, last, MEASURED_SEGMENTS).astype(np.int64))
    windows = np.asarray(tokens[starts[:, None] + np.arange(before + segment + 1)], np.int32)
    squares = mean_squares(model, before)(params, windows[:, :, None])
    return {name: jnp.sqrt(square) for name, square in squares.items()}


def mean_squares(model: CharLM, before: int) -> Any:
    """Return `(params, windows [count, time, 1]) -> squares`: the mean square of the gradients, compiled."""

    def measure(params: Parameters, windows: Int[Array, "count time batch"]) -> Parameters:
        def add(total: Parameters, window: Int[Array, "time batch"]) -> tuple[Parameters, None]:
            state, read = model.initial_state(1), window[before:]
            if before:
                _, state = model.apply(params, window[:before], state)
            scored = jnp.ones_like(read[1:], dtype=bool)
            find = jax.grad(segment_loss, 1, has_aux=True)
            gradient, _ = find(model, params, state, read[:-1], read[1:], scored)
            return jax.tree.map(lambda square, g: square + g**2 / len(windows), total, gradient), None

        squares: Parameters = lax.scan(add, jax.tree.map(jnp.zeros_like, params), windows)[0]
        return squares

    return jax.jit(measure)


def segment_loss(
    model: CharLM,
    params: Parameters,
    state: State,
    inputs: Int[Array, "time batch"],
    targets: Int[Array, "time batch"],
    scored: Bool[Array, "time batch"],
) -> tuple[Float[Array, ""], tuple[State, Float[Array, "time batch"]]]:
    """Return the mean nats of the scored targets; the state after the segment, and the nats of each target."""
    logits, after = model.apply(params, inputs, state)
    nats = cross_entropy(logits, targets, engine=model.engine)
    return jnp.where(scored, nats, 0).sum() / jnp.maximum(scored.sum(), 1), (after, nats)


def learn_segment(
    model: CharLM,
    trained: Parameters,
    rule: Rule,
    carried: tuple[Parameters, State],
    segment: tuple[Int[Array, "time batch"], Int[Array, "time batch"], Bool[Array, "time batch"]],
) -> tuple[tuple[Parameters, State], Float[Array, "time batch"]]:
    """Predict a segment, then learn from it (Krause et al. 2018, equations 5 to 8).

    A step longer than the longest is shortened to it; one that is not finite is left out.
    """
    params, state = carried
    (_, (after, nats)), gradient = jax.value_and_grad(segment_loss, 1, has_aux=True)(
        model, params, state, *segment
    )
    steps = scale_steps(gradient, rule.scales, rule.epsilon)
    length = root_mean_square(steps)
    # A training text of one character has no gradients: all scales are 0 / 0, and nothing is learned.
    learns = segment[2].any() & jnp.isfinite(length)
    rate = rule.learning_rate * jnp.where(length > rule.longest, rule.longest / length, 1)

    def move(now: Array, step: Array, scale: Array, first: Array) -> Array:
        back = (first - now) * jnp.minimum(rule.decay * scale, LARGEST_DECAY)
        return jnp.where(learns, now - rate * step + back, now)

    return (jax.tree.map(move, params, steps, rule.scales, trained), after), nats


@lru_cache(maxsize=16)
def shared_segments(model: CharLM, engine: Engine) -> Any:
    """Return `(params, state, trained, rule, segments) -> (params, state, nats)`, compiled."""
    del engine

    def learn(
        params: Parameters,
        state: State,
        trained: Parameters,
        rule: Rule,
        segments: tuple[Array, Array, Array],
    ) -> tuple[Parameters, State, Float[Array, "segments time batch"]]:
        one = partial(learn_segment, model, trained, rule)
        (params, state), nats = lax.scan(one, (params, state), segments)
        return params, state, nats

    return jax.jit(learn, donate_argnums=(0, 1))


class DynamicEvaluator:
    """Scores texts that a network learns from while it reads; the trained weights stay as they are."""

    def __init__(self, model: CharLM, config: DynamicConfig) -> None:
        self.model, self.config = model, config
        make = shared_segments.__wrapped__ if model.has_user_cell else shared_segments
        self._learn = make(model, model.engine)

    def score(
        self,
        params: Parameters,
        gradients: Parameters,
        tokens: Integer[np.ndarray, " length"],
        *,
        per_character: bool = False,
        listener: ProgressListener | None = None,
        initial_state: State | None = None,
    ) -> tuple[Score, Parameters]:
        """Return the loss over `tokens[1:]`, and the weights after the last of them.

        `gradients` are those of `measure_gradients`. The text is read from `initial_state`, for a batch of one; by
        default it is empty. Memory use does not grow with the text, unless the nats of each character are kept.
        Raises CharloopError for under 2 tokens, or more rows than segments.
        """
        if len(tokens) < 2:
            raise CharloopError("a text to score", got=f"{len(tokens)} characters", allowed="2 or more")
        layout, previous = self._layout(len(tokens) - 1), None
        learn = partial(self._learn, trained=params, rule=make_rule(gradients, self.config))
        learned, state = jax.tree.map(jnp.array, params), self.model.initial_state(layout.rows)
        sums, meter = RunningSums(layout.scored, per_character=per_character), Meter(listener)
        meter.begin("scoring", layout.scored, "million characters")
        size = SEGMENTS_PER_CALL * self.config.dynamic_segment
        if layout.rows > 1:
            # Nothing of this is scored, so nothing is learned: each row reads the text before it.
            learned, state, _ = learn(learned, state, segments=self._segments(layout, tokens, -size, size))
        first = self.model.initial_state(1) if initial_state is None else initial_state
        state = jax.tree.map(lambda leaf, own: leaf.at[:1].set(own), state, first)
        for start in range(0, layout.read, size):
            if start // RELEASE_STEPS != (start - size) // RELEASE_STEPS:
                release_pages(tokens)
            learned, state, nats = learn(learned, state, segments=self._segments(layout, tokens, start, size))
            meter.add(add_chunk(sums, layout, previous))
            previous = start, nats.reshape(size, layout.rows)
        add_chunk(sums, layout, previous)
        return sums.score(), learned

    def _layout(self, targets: int) -> Layout:
        rows, most = self.config.dynamic_rows, max(1, targets // self.config.dynamic_segment)
        if rows > most:
            raise CharloopError("--dynamic-rows", got=rows, allowed=f"up to {most:,}: a segment for each")
        length = -(-targets // rows)
        return Layout(targets, rows, length, length)

    def _segments(self, layout: Layout, tokens: np.ndarray, start: int, size: int) -> Any:
        """Return inputs, targets, and which targets are scored: `[segments, time, batch]`."""
        shape = (SEGMENTS_PER_CALL, self.config.dynamic_segment, layout.rows)
        return tuple(part.reshape(shape) for part in layout.cut(tokens, start, size))
