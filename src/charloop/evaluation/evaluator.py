"""How well a model predicts a text: every character scored once, with a memory of its own."""

from functools import lru_cache, partial

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Float, Int, Integer

from charloop.cells.from_object import is_user_cell
from charloop.data import Meter, ReadingListener, release_pages
from charloop.devices import BATCH, batch_sharding, choose_devices, make_mesh
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.evaluation.layout import WARM_UP, Layout
from charloop.evaluation.score import Score
from charloop.evaluation.tally import Tally
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.types import Parameters, State

CHUNK = 128
MOST_LOGITS = 1 << 26
"""Numbers that a forward pass may put out: a quarter of a gigabyte, whatever the vocabulary."""
READ_AHEAD = 1 << 17
"""Characters of a lane, a multiple of `CHUNK`, after which a mapped text's pages are given back."""


class Evaluator:
    """Scores texts by one compiled program; keeps nothing between two texts."""

    def __init__(self, model: CharLM) -> None:
        self.model = model
        self._compiled = {}  # type: ignore[var-annotated]

    def score(
        self,
        params: Parameters,
        tokens: Integer[np.ndarray, " length"],
        limit: int | None = None,
        *,
        per_character: bool = False,
        listener: ReadingListener | None = None,
        memory: State | None = None,
    ) -> Score:
        """The loss over `tokens[1:]`, each predicted from all of the text before it (the first has none).

        With a `limit` below that number, of about so many (one more a lane at the most): each lane reads its
        beginning only, so that they come from everywhere in the text, and the same ones each time.

        The text is cut into up to 64 lanes that are read side by side. Each starts reading 256 characters early,
        so what it scores is predicted from at least that much: a difference from one single lane that is below
        the third digit of the loss on real text. `per_character` keeps the nats of each that is scored, in the
        order of the text; `listener` is told how far it is. `memory`, of one lane, is what the first lane begins
        with; empty if left out. Raises CharloopError for under 2 tokens.
        """
        if len(tokens) < 2:
            raise CharloopError("a text to score", got=f"{len(tokens)} characters", allowed="2 or more")
        layout = Layout.of(len(tokens) - 1, limit)
        forward, mesh = self._forward(layout.lanes)
        # Training may share its batch among other devices than this text is worth.
        params = jax.device_put(params, batch_sharding(mesh))
        state = self.model.initial_state(layout.lanes)
        chunk = chunk_for(layout.lanes, self.model.vocab_size)
        for start in range(-WARM_UP, 0, 2 * chunk):
            state, _ = forward(params, state, *layout.cut(tokens, start, 2 * chunk)[:2])
        first = self.model.initial_state(1) if memory is None else jax.tree.map(np.asarray, memory)
        state = jax.tree.map(lambda leaf, own: leaf.at[:1].set(own), state, first)
        tally, before = Tally(layout.scored, per_character=per_character), None
        meter = Meter(listener)
        meter.begin("scoring", layout.scored, "million characters")
        for start in range(0, layout.read, chunk):
            if start % READ_AHEAD == 0:
                release_pages(tokens)
            state, nats = forward(params, state, *layout.cut(tokens, start, chunk)[:2])
            # The piece before is added up while this one is on its way.
            meter.add(take(tally, layout, before))
            before = start, nats
        take(tally, layout, before)
        return tally.score()

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


def take(tally: Tally, layout: Layout, piece: tuple[int, Array] | None) -> int:
    """Add up a piece of each lane, given the place in the lane where it starts; how many characters that were."""
    if piece is None:
        return 0
    start, nats = piece
    ranks, counts = layout.ranks(start, len(nats))
    tally.add(ranks[counts], np.asarray(nats)[counts])
    return int(counts.sum())


def compile_forward(model: CharLM, mesh: Mesh):  # type: ignore[no-untyped-def]
    """`(params, state, inputs, targets) -> (state, nats)`, on the devices of `mesh`; equal models share it."""
    make = shared_forward.__wrapped__ if is_user_cell(model.config.cell) else shared_forward
    return make(model, model.engine, mesh)


@lru_cache(maxsize=16)
def shared_forward(model: CharLM, engine: Engine, mesh: Mesh):  # type: ignore[no-untyped-def]
    """The program of `compile_forward`. An equal model may have another engine later, so it is a key too."""
    del engine
    batch, columns = Spec(BATCH), Spec(None, BATCH)
    return jax.jit(
        jax.shard_map(
            partial(forward_chunk, model),
            mesh=mesh,
            in_specs=(Spec(), batch, columns, columns),
            out_specs=(batch, columns),
            check_vma=False,
        )
    )


def forward_chunk(
    model: CharLM,
    params: Parameters,
    state: State,
    inputs: Int[Array, "time batch"],
    targets: Int[Array, "time batch"],
) -> tuple[State, Float[Array, "time batch"]]:
    """Nats of each target; no dropout."""
    logits, state = model.apply(params, inputs, state)
    return state, cross_entropy(logits, targets, engine=model.engine)
