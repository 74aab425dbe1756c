"""How well a model predicts a text: each character is scored once, without any effect on training."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.data import release_pages
from charloop.data.split import find_end
from charloop.devices import BATCH, batch_sharding, choose_devices, make_mesh
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.evaluation.score import RunningSums, Score
from charloop.loss import cross_entropy
from charloop.mixing import MixedModel
from charloop.model import CharLM
from charloop.progress import Meter, ProgressListener
from charloop.types import Characters, Parameters, State

CHUNK_LENGTH = 128
"""Time steps per call of the compiled program."""
MAX_LOGITS = 1 << 26
"""Logits that one call may put out: 256 MiB, whatever the size of the vocabulary."""
RELEASE_STEPS = 1 << 17
"""Time steps, a multiple of `CHUNK_LENGTH`, after which the pages of a memory-mapped text are released."""
WARM_UP = 256
"""Characters that a batch row reads before the first one it scores, so that its state is not empty there."""
MIN_ROW = 4 * WARM_UP
"""Characters to score in a batch row, so that the warm-up costs at most a quarter more."""
MAX_ROWS = 64


@dataclass(frozen=True)
class Layout:
    """A text cut into batch rows that are scored side by side.

    `targets` characters are cut into `rows` batch rows of `length` each; the last may be shorter. The first `read`
    characters of each row are scored. `own_starts`: where the rows begin instead, so that documents stay whole.
    """

    targets: int
    rows: int
    length: int
    read: int
    own_starts: tuple[int, ...] = ()

    @classmethod
    def of(cls, targets: int, limit: int | None = None) -> "Layout":
        """Return the layout with the most batch rows, a power of two, that each score at least `MIN_ROW`."""
        wanted = targets if limit is None else min(limit, targets)
        affordable = max(1, min(MAX_ROWS, wanted // MIN_ROW))
        rows = 2 ** (affordable.bit_length() - 1)
        return cls(targets, rows, -(-targets // rows), -(-wanted // rows))

    def align(self, tokens: Integer[np.ndarray, " length"], end: int) -> "Layout":
        """Return the layout whose rows begin with the token `end`, at most half a row earlier.

        Then a document is read in its row from its beginning, whatever its length. A row without `end` in the half
        row before it stays where it is.
        """
        starts = [0]
        for start in range(self.length, self.length * self.rows, self.length):
            found = find_end(tokens, end, start, start - self.length // 2)
            starts.append(start if found is None else found)
        longest = int(np.diff([*starts, self.targets]).max())
        whole = self.read >= self.length
        return replace(self, read=max(self.read, longest) if whole else self.read, own_starts=tuple(starts))

    @cached_property
    def starts(self) -> Int[np.ndarray, " rows"]:
        """The index of the first target of each row."""
        return np.array(self.own_starts or np.arange(self.rows) * self.length, np.int64)

    @cached_property
    def sizes(self) -> Int[np.ndarray, " rows"]:
        """The number of targets that are scored in each row."""
        ends = np.append(self.starts[1:], self.targets)
        sizes: Int[np.ndarray, " rows"] = np.clip(ends - self.starts, 0, self.read)
        return sizes

    @property
    def scored(self) -> int:
        """The number of targets that are scored."""
        return int(self.sizes.sum())

    def index_scored(
        self, start: int, size: int
    ) -> tuple[Integer[np.ndarray, "time batch"], Bool[np.ndarray, "time batch"]]:
        """Return each target's index among the scored ones, and which are scored, from step `start` on."""
        within, before = np.arange(start, start + size)[:, None], np.cumsum(self.sizes) - self.sizes
        return within + before, (within >= 0) & (within < self.sizes)

    def cut(
        self, tokens: Integer[np.ndarray, " length"], start: int, size: int
    ) -> tuple[Int[np.ndarray, "time batch"], Int[np.ndarray, "time batch"], Bool[np.ndarray, "time batch"]]:
        """Return inputs, targets, and which targets are scored, from step `start` on."""
        positions = np.arange(start, start + size)[:, None] + self.starts
        safe = np.clip(positions, 0, self.targets - 1)
        inputs, targets = np.asarray(tokens[safe], np.int32), np.asarray(tokens[safe + 1], np.int32)
        return inputs, targets, self.index_scored(start, size)[1]


class Evaluator:
    """Scores texts with one compiled program; no state is kept from one text to the next."""

    def __init__(self, model: CharLM | MixedModel) -> None:
        self.model = model
        self._compiled = {}  # type: ignore[var-annotated]

    def score(
        self,
        params: Parameters,
        tokens: Integer[np.ndarray, " length"],
        limit: int | None = None,
        *,
        per_character: bool = False,
        listener: ProgressListener | None = None,
        initial_state: State | None = None,
    ) -> Score:
        """Return the loss over `tokens[1:]`, each predicted from the text before it.

        A smaller `limit` scores about that many characters, at most one more per batch row: the beginning of each
        row, so that they come from all parts of the text, and are the same each time.

        The text is cut into up to 64 batch rows, which are read side by side. Each starts reading 256 characters
        early, so that all its predictions use at least that much text; on real text this changes the loss by less
        than its third decimal. `per_character` keeps the nats of each scored character, in the order of the text;
        `listener` receives progress reports. `initial_state`: the state that the first row starts with, for a
        batch of one; by default it is empty. Raises CharloopError for under 2 tokens.
        """
        if len(tokens) < 2:
            raise CharloopError("a text to score", got=f"{len(tokens)} characters", allowed="2 or more")
        layout = Layout.of(len(tokens) - 1, limit)
        if self.model.end_id is not None:
            layout = layout.align(tokens, self.model.end_id)
        forward, mesh = self._forward(layout.rows)
        # Training may use more devices than the rows of this text can be shared among.
        params = jax.device_put(params, batch_sharding(mesh))
        state = self.model.initial_state(layout.rows)
        chunk = choose_chunk_length(layout.rows, self.model.vocab_size)
        for start in range(-WARM_UP, 0, 2 * chunk):
            state, _ = forward(params, state, *layout.cut(tokens, start, 2 * chunk)[:2])
        first = (
            self.model.initial_state(1) if initial_state is None else jax.tree.map(np.asarray, initial_state)
        )
        state = jax.tree.map(lambda leaf, own: leaf.at[:1].set(own), state, first)
        sums, previous = RunningSums(layout.scored, per_character=per_character), None
        meter = Meter(listener)
        meter.begin("scoring", layout.scored, "million characters")
        for start in range(0, layout.read, chunk):
            if start % RELEASE_STEPS == 0:
                release_pages(tokens)
            state, nats = forward(params, state, *layout.cut(tokens, start, chunk)[:2])
            # The previous chunk is summed up while the devices compute this one.
            meter.add(add_chunk(sums, layout, previous))
            previous = start, nats
        add_chunk(sums, layout, previous)
        return sums.score()

    def _forward(self, rows: int):  # type: ignore[no-untyped-def]
        if rows not in self._compiled:
            mesh = make_mesh(choose_devices(rows))
            self._compiled[rows] = compile_forward(self.model, mesh), mesh
        return self._compiled[rows]


def choose_chunk_length(rows: int, vocab_size: int) -> int:
    """Return the time steps per call: `CHUNK_LENGTH`, or fewer so that a large vocabulary keeps to `MAX_LOGITS`."""
    chunk = CHUNK_LENGTH
    while chunk > 1 and rows * chunk * vocab_size > MAX_LOGITS:
        chunk //= 2
    return chunk


def add_chunk(sums: RunningSums, layout: Layout, chunk: tuple[int, Array] | None) -> int:
    """Add the losses of a chunk, given its first step; return how many characters were scored."""
    if chunk is None:
        return 0
    start, nats = chunk
    indices, scored = layout.index_scored(start, len(nats))
    sums.add(indices[scored], np.asarray(nats)[scored])
    return int(scored.sum())


def compile_forward(model: CharLM | MixedModel, mesh: Mesh):  # type: ignore[no-untyped-def]
    """Return `(params, state, inputs, targets) -> (state, nats)` on the devices of `mesh`; equal models share it."""
    make = shared_forward.__wrapped__ if model.has_user_cell else shared_forward
    return make(model, model.engine, mesh)


@lru_cache(maxsize=16)
def shared_forward(model: CharLM | MixedModel, engine: Engine, mesh: Mesh):  # type: ignore[no-untyped-def]
    """Return the program of `compile_forward`; `engine` is a key too, since an equal model may get another one."""
    batch, columns = Spec(BATCH), Spec(None, BATCH)

    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(Spec(), batch, columns, columns),
        out_specs=(batch, columns),
        check_vma=False,
    )
    def forward(
        params: Parameters, state: State, inputs: Characters, targets: Characters
    ) -> tuple[State, Float[Array, "time batch"]]:
        logits, state = model.apply(params, inputs, state)
        return state, cross_entropy(logits, targets, engine=engine)

    return jax.jit(forward)
