"""How well a model predicts a text: every character scored once, with a memory of its own."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Float, Int, Integer

from charloop.data import release
from charloop.devices import BATCH, choose_devices, make_mesh, shard
from charloop.errors import CharloopError
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.types import Parameters, State

WARM_UP = 256
"""Characters that a lane reads before the first one it scores, so that it does not begin with an empty memory."""
MAX_LANES = 64
CHUNK = 128
MOST_LOGITS = 1 << 26
"""Numbers that a forward pass may put out: a quarter of a gigabyte, whatever the vocabulary."""
READ_AHEAD = 1 << 17
"""Characters of a lane, a multiple of `CHUNK`, after which a mapped text's pages are given back."""


@dataclass(frozen=True)
class Score:
    """A total over `characters` predicted characters."""

    nats: float
    characters: int

    @property
    def loss(self) -> float:
        """Nats per character."""
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        """The same in bits: what a perfect compressor built on the model would need."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """The number of equally likely characters that would be as hard to guess."""
        return math.exp(self.loss)


class Evaluator:
    """Scores texts by one compiled program; keeps nothing between two texts."""

    def __init__(self, model: CharLM) -> None:
        self.model = model
        self._compiled = {}  # type: ignore[var-annotated]

    def score(
        self, params: Parameters, tokens: Integer[np.ndarray, " length"], limit: int | None = None
    ) -> Score:
        """The loss over `tokens[1:]`, each predicted from all of the text before it (the first has none).

        With a `limit` below that number, of about so many (one more a lane at the most): each lane reads its
        beginning only, so that they come from everywhere in the text, and the same ones each time.

        The text is cut into up to 64 lanes that are read side by side. Each starts reading 256 characters early,
        so what it scores is predicted from at least that much: a difference from one single lane that is below
        the third digit of the loss on real text. Raises CharloopError for under 2 tokens.
        """
        if len(tokens) < 2:
            raise CharloopError("a text to score", got=f"{len(tokens)} characters", allowed="2 or more")
        layout = Layout.of(len(tokens) - 1, limit)
        forward, mesh = self._forward(layout.lanes)
        # Training may share its batch among other devices than this text is worth.
        params = jax.device_put(params, shard(mesh))
        state = self.model.initial_state(layout.lanes)
        chunk = chunk_for(layout.lanes, self.model.vocab_size)
        for start in range(-WARM_UP, 0, 2 * chunk):
            state, _ = forward(params, state, *layout.cut(tokens, start, 2 * chunk))
        empty = self.model.initial_state(1)
        state = jax.tree.map(lambda leaf, zero: leaf.at[:1].set(zero), state, empty)
        sums = []
        for start in range(0, layout.read, chunk):
            if start % READ_AHEAD == 0:
                release(tokens)
            state, nats = forward(params, state, *layout.cut(tokens, start, chunk))
            sums.append(nats)
        return Score(float(np.sum([np.asarray(s) for s in sums], dtype=np.float64)), layout.scored)

    def _forward(self, lanes: int):  # type: ignore[no-untyped-def]
        if lanes not in self._compiled:
            mesh = make_mesh(choose_devices(lanes))
            self._compiled[lanes] = compile_forward(self.model, mesh), mesh
        return self._compiled[lanes]


def chunk_for(lanes: int, vocab_size: int) -> int:
    """Characters of each lane that are read at a time: fewer, where there are so many to choose from."""
    chunk = CHUNK
    while chunk > 1 and lanes * chunk * vocab_size > MOST_LOGITS:
        chunk //= 2
    return chunk


@dataclass(frozen=True)
class Layout:
    """`targets` cut into `lanes` lanes of `length` each, of which the first `read` count; the last may be shorter."""

    targets: int
    lanes: int
    length: int
    read: int

    @classmethod
    def of(cls, targets: int, limit: int | None = None) -> "Layout":
        """The most lanes, a power of two, that each read at least four times as much as their warm-up."""
        wanted = targets if limit is None else min(limit, targets)
        affordable = max(1, min(MAX_LANES, wanted // (4 * WARM_UP)))
        lanes = 2 ** (affordable.bit_length() - 1)
        return cls(targets, lanes, -(-targets // lanes), -(-wanted // lanes))

    @property
    def scored(self) -> int:
        """Targets that count."""
        starts = range(0, self.targets, self.length)
        return sum(min(self.read, self.targets - start) for start in starts)

    def cut(
        self, tokens: Integer[np.ndarray, " length"], start: int, size: int
    ) -> tuple[Int[np.ndarray, "time batch"], Int[np.ndarray, "time batch"], Float[np.ndarray, "time batch"]]:
        """Inputs, targets and which targets count, from place `start` of each lane on."""
        within = np.arange(start, start + size)[:, None]
        place = within + self.length * np.arange(self.lanes)[None, :]
        counts = (within >= 0) & (within < self.read) & (place < self.targets)
        safe = np.clip(place, 0, self.targets - 1)
        inputs, targets = np.asarray(tokens[safe], np.int32), np.asarray(tokens[safe + 1], np.int32)
        return inputs, targets, counts.astype(np.float32)


def compile_forward(model: CharLM, mesh: Mesh):  # type: ignore[no-untyped-def]
    """`(params, state, inputs, targets, counts) -> (state, nats of each lane)`, on the devices of `mesh`."""
    batch, columns = Spec(BATCH), Spec(None, BATCH)
    return jax.jit(
        jax.shard_map(
            partial(forward_chunk, model),
            mesh=mesh,
            in_specs=(Spec(), batch, columns, columns, columns),
            out_specs=(batch, batch),
            check_vma=False,
        )
    )


def forward_chunk(
    model: CharLM,
    params: Parameters,
    state: State,
    inputs: Int[Array, "time batch"],
    targets: Int[Array, "time batch"],
    counts: Float[Array, "time batch"],
) -> tuple[State, Float[Array, " batch"]]:
    """Nats of the targets that count, summed over time; no dropout."""
    logits, state = model.apply(params, inputs, state)
    return state, jnp.sum(cross_entropy(logits, targets, kernel=model.runs_kernels) * counts, axis=0)
