"""Many texts written at once, each with settings of its own: every text has a lane, a row of one batch.

What a lane writes depends on its own text, settings and key alone. For that, the number of lanes on a device is
always a multiple of `LANES`: then XLA's products of a row round alike, however many rows there are.
"""

from dataclasses import fields

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Shaped

from charloop.devices import batch_sharding, make_mesh
from charloop.sampling.protocols import LanguageModel
from charloop.serving.lane_program import TOP, Block, Logs, Rows, write_block
from charloop.types import Parameters, State

LANES = 16


class Lanes:
    """The lanes of one network. Those that nobody has write, too, and what they write is thrown away."""

    def __init__(
        self,
        model: LanguageModel,
        params: Parameters,
        vocab: int,
        ends_word: Shaped[np.ndarray, " vocab"],
        most: int = 64,
    ) -> None:
        self._model, self._params, self._ends_word = model, params, ends_word
        self.sizes = (*(LANES << n for n in range(16) if LANES << n < most), round_up(most))
        self._vocab, self._top = vocab, min(TOP, vocab)
        self._placed: dict[Mesh, Parameters] = {}
        self._state, self._rows = self._begin(self.sizes[0])

    @property
    def size(self) -> int:
        """The present number of lanes."""
        return len(self._rows.previous)

    def fit(self, lanes: list[int], wanted: int) -> list[int] | None:
        """Change the size to the least for `wanted` lanes; return where `lanes`, those in use, are then.

        None if the size stays. It shrinks only to a quarter, so that it does not change all the time.
        """
        size = next(size for size in self.sizes if size >= min(wanted, self.sizes[-1]))
        if size == self.size or self.size // 4 < size < self.size:
            return None
        self._resize(size, lanes)
        return list(range(len(lanes)))

    def join(self, lane: int, state: State, row: Rows) -> None:
        """Begin a text in a lane: `state` is that of a batch of one, and `row` has no lane axis."""
        for part, one in zip(jax.tree.leaves(self._state), jax.tree.leaves(state), strict=True):
            part[lane] = np.asarray(one)[0]
        for field in fields(Rows):
            getattr(self._rows, field.name)[lane] = getattr(row, field.name)

    def leave(self, lane: int) -> None:
        """Let a lane do no more than it must: filters and log probabilities are computed for all lanes or none."""
        rows = self._rows
        rows.top_k[lane], rows.top_p[lane], rows.min_p[lane], rows.logs[lane] = self._vocab, 1, 0, False

    def write(self, count: int) -> Block:
        """Write `count` tokens (1 to `BLOCK`) in every lane."""
        mesh = find_mesh(self.size)
        if mesh not in self._placed:
            self._placed[mesh] = jax.device_put(self._params, batch_sharding(mesh))
        parts = self._placed[mesh], self._state, self._rows, self._ends_word, np.int32(count)
        state, rows, ids, logs = write_block(self._model, mesh, self._top, *parts)
        self._state, self._rows = jax.tree.map(np.array, (state, rows))
        return Block(np.asarray(ids)[:count], Logs(*(np.asarray(part)[:count] for part in logs)))

    def _begin(self, size: int) -> tuple[State, Rows]:
        return jax.tree.map(np.array, self._model.initial_state(size)), _empty_rows(size, self._vocab)

    def _resize(self, size: int, lanes: list[int]) -> None:
        old, (self._state, self._rows) = (self._state, self._rows), self._begin(size)
        for part, before in zip(*map(jax.tree.leaves, ((self._state, self._rows), old)), strict=True):
            part[: len(lanes)] = before[lanes]


def round_up(lanes: int) -> int:
    """Return the number of lanes that makes `lanes`: `LANES` times a power of two."""
    return LANES << max(0, (lanes - 1) // LANES).bit_length()


def find_mesh(lanes: int) -> Mesh:
    """Return the devices that share the lanes: each has at least `LANES`."""
    shares = [n for n in range(1, len(jax.devices()) + 1) if lanes % (n * LANES) == 0]
    return make_mesh(max(shares))


def _empty_rows(lanes: int, vocab: int) -> Rows:
    """Return rows that take the likeliest token."""
    table, zeros, ones = (lanes, vocab), np.zeros(lanes, np.float32), np.ones(lanes, np.float32)
    whole, no = np.zeros(lanes, np.int32), np.zeros(lanes, bool)
    return Rows(
        previous=whole.copy(),
        position=whole.copy(),
        key=np.zeros((lanes, 2), np.uint32),
        ages=np.zeros(table, np.int32),
        counts=np.zeros(table, np.int32),
        bias=np.zeros(table, np.float32),
        first=zeros.copy(),
        last=zeros.copy(),
        length=ones.copy(),
        top_k=np.full(lanes, vocab, np.int32),
        top_p=ones.copy(),
        min_p=zeros.copy(),
        repetition=ones.copy(),
        window=whole.copy(),
        presence=zeros.copy(),
        frequency=zeros.copy(),
        words=no.copy(),
        logs=no.copy(),
    )
