"""An n-gram as a language model that can be mixed with networks: interpolated Witten-Bell, as the baselines are."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.baselines.ngrams import longest_contexts
from charloop.engines import XLA, Engine
from charloop.types import Characters, Logits, Parameters, State

NO_CONTEXT = -1
"""The number of a context that the training text does not have."""


@dataclass(frozen=True)
class NgramModel:
    """Predicts a character from the `order` - 1 before it; `witten_bell` has the equations.

    The parameters are those of `count_ngrams`. The memory is the number of the context of each length.
    """

    order: int
    vocab_size: int
    end_id: int | None
    widths: tuple[int, ...]
    """The most different characters that follow a context, for each length of contexts from 0 to `order` - 1."""
    has_user_cell: ClassVar[bool] = False

    @property
    def engine(self) -> Engine:
        """XLA: nothing here has a kernel."""
        return XLA

    def initial_state(self, batch_size: int) -> Int[Array, "batch order"]:
        """Return the memory before the first character: only the context of length 0 is known."""
        return jnp.full((batch_size, self.order), NO_CONTEXT).at[:, 0].set(0)

    def apply(
        self,
        params: Parameters,
        characters: Characters,
        state: State,
        *,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Return the logarithms of the probabilities, and the memory, as `CharLM.apply` does."""

        def step(
            contexts: Int[Array, "batch order"], read: tuple[Int[Array, ""], Int[Array, " batch"]]
        ) -> tuple[Int[Array, "batch order"], Float[Array, "batch vocab"]]:
            time, token = read
            after = self._read(params, contexts, token)
            if lengths is not None:
                after = jnp.where((time < lengths)[:, None], after, contexts)
            return after, jnp.log(self._predict(params, after))

        times = jnp.arange(len(characters))
        state, logits = lax.scan(step, state, (times, characters.astype(jnp.int32)))
        return logits, state

    def _read(
        self, params: Parameters, contexts: Int[Array, "batch order"], token: Int[Array, " batch"]
    ) -> Int[Array, "batch order"]:
        """Return the contexts after one more character. A document has none from before its end symbol."""
        after = [jnp.zeros_like(token)]
        for length in range(self.order - 1):
            places, follows = self._followers(params, length, contexts[:, length])
            same = follows & (params[f"tokens.{length}"][places] == token[:, None])
            found = jnp.where(same, places, NO_CONTEXT).max(-1)
            ends = jnp.bool_(length > 0) & (token == (-1 if self.end_id is None else self.end_id))
            after.append(jnp.where(ends, NO_CONTEXT, found))
        return jnp.stack(after, -1)

    def _predict(
        self, params: Parameters, contexts: Int[Array, "batch order"]
    ) -> Float[Array, "batch vocab"]:
        """Return the probability of each character."""
        rows = jnp.arange(len(contexts))[:, None]
        chances = jnp.full((len(contexts), self.vocab_size), 1 / self.vocab_size)
        for length in range(self.order):
            places, follows = self._followers(params, length, contexts[:, length])
            counts = jnp.where(follows, params[f"counts.{length}"][places], 0)
            total, kinds = counts.sum(-1, keepdims=True), follows.sum(-1, keepdims=True)
            summed = (kinds * chances).at[rows, params[f"tokens.{length}"][places]].add(counts)
            chances = jnp.where(total > 0, summed / jnp.maximum(total + kinds, 1), chances)
        return chances

    def _followers(
        self, params: Parameters, length: int, context: Int[Array, " batch"]
    ) -> tuple[Int[Array, "batch width"], Bool[Array, "batch width"]]:
        """Return the places of the characters that follow each context, and which of these places count."""
        starts = params[f"starts.{length}"]
        first, last = starts[jnp.maximum(context, 0)], starts[jnp.maximum(context, 0) + 1]
        places = first[:, None] + jnp.arange(self.widths[length])
        follows = (places < last[:, None]) & (context >= 0)[:, None]
        return jnp.where(follows, places, 0), follows


def count_ngrams(
    tokens: Integer[np.ndarray, " length"], order: int, vocab_size: int, end_id: int | None = None
) -> tuple[NgramModel, Parameters]:
    """Return the model of order `order` (1 or more) that has counted `tokens` (at least one), and its parameters.

    What follows the contexts of length k is sorted by context: tokens.k and counts.k; context c has those from
    starts.k[c] up to starts.k[c + 1]. The place of a context and a character there is the number of the longer
    context that they are together.
    """
    params, widths = {}, []
    longest, context, contexts = longest_contexts(tokens, end_id), np.zeros(len(tokens), np.int64), 1
    for length in range(order):
        counted = longest >= length
        grams = (context * vocab_size + tokens)[counted]
        grams, number, counts = np.unique(grams, return_inverse=True, return_counts=True)
        starts = np.searchsorted(grams // vocab_size, np.arange(contexts + 1))
        params[f"starts.{length}"] = jnp.asarray(starts, jnp.int32)
        params[f"tokens.{length}"] = jnp.asarray(grams % vocab_size, jnp.int32)
        params[f"counts.{length}"] = jnp.asarray(counts, jnp.float32)
        widths.append(int(np.diff(starts).max()))
        placed = np.zeros(len(tokens), np.int64)
        placed[counted] = number
        context[1:], contexts = placed[:-1], len(grams)
    return NgramModel(order, vocab_size, end_id, tuple(widths)), params
