"""Dynamic evaluation: the network goes on learning from the text that it reads.

Krause, Kahembwe, Murray and Renals 2018, "Dynamic evaluation of neural sequence models": RMS-scaled steps, and
decay to the trained weights. Each character is predicted before the weights learn from it.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.cells.from_object import is_user_cell
from charloop.data import release_pages
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.evaluation.evaluator import RELEASE_STEPS, WARM_UP, Layout, add_chunk
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


@dataclass(frozen=True)
class DynamicSettings:
    """How a network learns while it reads. Raises CharloopError for a setting out of range."""

    learning_rate: float = 0.3
    """Size of a step; 0 or more. 0: it does not learn."""
    decay: float = 0.003
    """How fast weights go back to the trained ones, at a mean gradient; 0 or more."""
    epsilon: float = 0.01
    """Added to each weight's measured gradient (whose mean is 1) before a step is divided by it; above 0."""
    segment: int = 20
    """Characters that are read, and predicted, before the weights learn from them; 1 or more."""
    rows: int = 1
    """Parts of the text that are read side by side, and learned from together: faster, with less gain."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "decay"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise CharloopError(f"dynamic {name}", got=value, allowed="a number, 0 or more")
        if not 0 < self.epsilon < np.inf:
            raise CharloopError("dynamic epsilon", got=self.epsilon, allowed="a number above 0")
        for name in ("segment", "rows"):
            if getattr(self, name) < 1:
                raise CharloopError(f"dynamic {name}", got=getattr(self, name), allowed="1 or more")


class Rates(NamedTuple):
    """The settings that the compiled program takes as numbers."""

    learning_rate: Any
    decay: Any
    epsilon: Any


def measure_scales(
    model: CharLM, params: Parameters, tokens: Integer[np.ndarray, " length"], segment: int
) -> Parameters:
    """Return the root mean square of each weight's gradient over segments of `tokens`, divided by the mean of all.

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
    roots = {name: jnp.sqrt(square) for name, square in squares.items()}
    mean = sum(root.sum() for root in roots.values()) / sum(root.size for root in roots.values())
    return {name: root / mean for name, root in roots.items()}


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
    scales: Parameters,
    rates: Rates,
    carried: tuple[Parameters, State],
    segment: tuple[Int[Array, "time batch"], Int[Array, "time batch"], Bool[Array, "time batch"]],
) -> tuple[tuple[Parameters, State], Float[Array, "time batch"]]:
    """Predict a segment, then learn from it (Krause et al. 2018, equations 5 to 8)."""
    params, state = carried
    (_, (after, nats)), gradient = jax.value_and_grad(segment_loss, 1, has_aux=True)(
        model, params, state, *segment
    )
    learns = segment[2].any()

    def move(now: Array, gradient: Array, scale: Array, first: Array) -> Array:
        step = rates.learning_rate * gradient / (scale + rates.epsilon)
        back = (first - now) * jnp.minimum(rates.decay * scale, LARGEST_DECAY)
        return jnp.where(learns, now - step + back, now)

    return (jax.tree.map(move, params, gradient, scales, trained), after), nats


@lru_cache(maxsize=16)
def shared_segments(model: CharLM, engine: Engine) -> Any:
    """Return `(params, state, trained, scales, rates, segments) -> (params, state, nats)`, compiled."""
    del engine

    def learn(
        params: Parameters,
        state: State,
        trained: Parameters,
        scales: Parameters,
        rates: Rates,
        segments: tuple[Array, Array, Array],
    ) -> tuple[Parameters, State, Float[Array, "segments time batch"]]:
        one = partial(learn_segment, model, trained, scales, rates)
        (params, state), nats = lax.scan(one, (params, state), segments)
        return params, state, nats

    return jax.jit(learn, donate_argnums=(0, 1))


class DynamicEvaluator:
    """Scores texts that a network learns from while it reads; the trained weights stay as they are."""

    def __init__(self, model: CharLM, settings: DynamicSettings) -> None:
        self.model, self.settings = model, settings
        make = shared_segments.__wrapped__ if is_user_cell(model.config.cell) else shared_segments
        self._learn = make(model, model.engine)

    def score(
        self,
        params: Parameters,
        scales: Parameters,
        tokens: Integer[np.ndarray, " length"],
        *,
        per_character: bool = False,
        listener: ProgressListener | None = None,
        initial_state: State | None = None,
    ) -> tuple[Score, Parameters]:
        """Return the loss over `tokens[1:]`, and the weights after the last of them.

        `scales` are those of `measure_scales`. The text is read from `initial_state`, for a batch of one; by default
        it is empty. Memory use does not grow with the text, unless the nats of each character are kept. Raises
        CharloopError for under 2 tokens.
        """
        if len(tokens) < 2:
            raise CharloopError("a text to score", got=f"{len(tokens)} characters", allowed="2 or more")
        layout, rates = self._layout(len(tokens) - 1), Rates(*self._numbers())
        state = self._warm_up(params, layout, tokens, initial_state)
        learned = jax.tree.map(jnp.array, params)
        sums, meter = RunningSums(layout.scored, per_character=per_character), Meter(listener)
        meter.begin("scoring", layout.scored, "million characters")
        size, previous = SEGMENTS_PER_CALL * self.settings.segment, None
        for start in range(0, layout.read, size):
            if start // RELEASE_STEPS != (start - size) // RELEASE_STEPS:
                release_pages(tokens)
            segments = self._segments(layout, tokens, start, size)
            learned, state, nats = self._learn(learned, state, params, scales, rates, segments)
            meter.add(add_chunk(sums, layout, previous))
            previous = start, nats.reshape(size, layout.rows)
        add_chunk(sums, layout, previous)
        return sums.score(), learned

    def _layout(self, targets: int) -> Layout:
        rows = min(self.settings.rows, targets)
        length = -(-targets // rows)
        return Layout(targets, rows, length, length)

    def _numbers(self) -> list[Any]:
        settings = self.settings
        return [np.float32(value) for value in (settings.learning_rate, settings.decay, settings.epsilon)]

    def _segments(self, layout: Layout, tokens: np.ndarray, start: int, size: int) -> Any:
        """Return inputs, targets, and which targets are scored: `[segments, time, batch]`."""
        shape = (SEGMENTS_PER_CALL, self.settings.segment, layout.rows)
        return tuple(part.reshape(shape) for part in layout.cut(tokens, start, size))

    def _warm_up(
        self, params: Parameters, layout: Layout, tokens: np.ndarray, initial_state: State | None
    ) -> State:
        """Return the state of each row after the characters before it; that of the first is given."""
        state, first = self.model.initial_state(layout.rows), initial_state or self.model.initial_state(1)
        if layout.rows > 1:
            _, state = jax.jit(self.model.apply)(params, layout.cut(tokens, -WARM_UP, WARM_UP)[0], state)
        return jax.tree.map(lambda leaf, own: leaf.at[:1].set(own), state, first)
