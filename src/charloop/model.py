"""The network: characters in, logits of the next character out, memory handed in and out."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.cells import Cell
from charloop.cells.from_object import find_cell
from charloop.config import ModelConfig
from charloop.dropout import dropout
from charloop.engines import XLA, Engine
from charloop.errors import CharloopError
from charloop.types import Characters, Logits, Parameters, RandomKey, State
from charloop.unroll import LayerInput, Lookup, dynamic, find_unrolling, fitting_unrolling
from charloop.unroll.fused import find_engine, fitting_engine, multiply

MAX_ONE_HOT = 4096
"""Characters up to which one-hot input is offered: its matrices grow with the square of their number."""


@dataclass(frozen=True)
class CharLM:
    """Embedding, recurrent layers with dropout around them, softmax readout.

    Parameters are one flat dictionary, named and shaped as a PyTorch module's with the attributes `embedding`
    (Embedding), `rnn` (RNN, GRU or LSTM of that many layers) and `readout` (Linear): its `state_dict` fits as it is.
    """

    config: ModelConfig
    vocab_size: int
    cell: Cell

    @classmethod
    def build(cls, config: ModelConfig, vocab_size: int) -> "CharLM":
        """The model that `config` describes, over `vocab_size` characters.

        Raises CharloopError for an unknown cell, option or unrolling, and for sizes that cannot be tied.
        """
        find_unrolling(config.unroll)
        if config.tie_embedding and config.embed_size != config.hidden_size:
            sizes = f"embed-size {config.embed_size}, hidden-size {config.hidden_size}"
            raise CharloopError("a tied embedding needs embed-size = hidden-size", got=sizes)
        if not config.embed_size and vocab_size > MAX_ONE_HOT:
            raise CharloopError(
                "one-hot input of so many characters",
                got=vocab_size,
                allowed=f"up to {MAX_ONE_HOT}",
                do="give --embed-size 128",
            )
        cell = find_cell(config.cell, config.hidden_size, config.cell_options)
        return cls(config, vocab_size, cell)

    @property
    def input_size(self) -> int:
        """Features of a character: `embed_size`, or one for each character if that is 0 (one-hot)."""
        return self.config.embed_size or self.vocab_size

    def init(self, key: RandomKey) -> Parameters:
        """Fresh weights; same key, same weights.

        The embedding starts at variance 1, as PyTorch's does: at 0.1 of that scale the first layer hardly hears
        its input, and a run of 400 steps ends 0.4 nats worse.
        """
        key_embedding, key_readout, *keys = jax.random.split(key, 2 + self.config.num_layers)
        hidden, params = self.config.hidden_size, {"readout.bias": jnp.zeros(self.vocab_size)}
        if self.config.embed_size:
            shape = (self.vocab_size, self.config.embed_size)
            params["embedding.weight"] = jax.random.normal(key_embedding, shape)
        if not self.config.tie_embedding:
            shape = (self.vocab_size, hidden)
            params["readout.weight"] = hidden**-0.5 * jax.random.uniform(key_readout, shape, minval=-1.0)
        for layer, key in enumerate(keys):
            own = self.cell.init(key, hidden if layer else self.input_size)
            params |= {f"rnn.{name}_l{layer}": value for name, value in own.items()}
        return params

    def initial_state(self, batch_size: int) -> State:
        """The memory of every layer before the first character."""
        return tuple(self.cell.initial_state(batch_size) for _ in range(self.config.num_layers))

    def apply(
        self,
        params: Parameters,
        characters: Integer[Array, "time batch"],
        state: State,
        *,
        key: RandomKey | None = None,
        lanes: Int[Array, " batch"] | None = None,
        lengths: Int[Array, " batch"] | None = None,
        resets: Bool[Array, "time batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Logits of the character after each of `characters`, and the state after the last.

        `key` switches dropout on; `lanes` numbers the batch's rows for it (0, 1, ... if left out). With `lengths`,
        lane `b` reads `lengths[b]` characters only, and its state is the one it then has. Before a character whose
        `resets[time, batch]` is true, that lane's memory is emptied.
        """
        if not jnp.issubdtype(characters.dtype, jnp.integer):
            raise TypeError(f"characters are whole numbers, not {characters.dtype}")
        # uint8 tokens are read as they are by nobody: a kernel and a gradient need int32.
        characters = characters.astype(jnp.int32)
        lanes = jnp.arange(characters.shape[1]) if lanes is None else lanes
        drop = Dropper(self.config, key, lanes)
        inputs = self._first_input(params, characters, drop)
        return self._run(params, inputs, state, drop, lengths, resets)

    def vectors(self, params: Parameters, characters: Characters) -> Float[Array, "time batch input"]:
        """What the first layer reads for each of `characters`: rows of the embedding, or one-hot."""
        return self._lookup(params, characters).gather()

    def apply_vectors(
        self, params: Parameters, vectors: Float[Array, "time batch input"], state: State
    ) -> tuple[Logits, State]:
        """`apply` from `vectors` in the place of characters, without dropout: what can be differentiated by them."""
        drop = Dropper(self.config, None, jnp.arange(vectors.shape[1]))
        return self._run(params, vectors, state, drop)

    def _run(
        self,
        params: Parameters,
        inputs: LayerInput,
        state: State,
        drop: "Dropper",
        lengths: Int[Array, " batch"] | None = None,
        resets: Bool[Array, "time batch"] | None = None,
    ) -> tuple[Logits, State]:
        """From what the first layer reads to the logits."""
        states = []
        after, hidden = self._layer(0, params, inputs, state[0], lengths, resets)
        states.append(after)
        for layer, before in enumerate(state[1:], start=1):
            inputs = drop(layer, self.config.dropout_between, hidden)
            after, hidden = self._layer(layer, params, inputs, before, lengths, resets)
            states.append(after)
        hidden = drop(len(states), self.config.dropout_output, hidden)
        weight = params["embedding.weight" if self.config.tie_embedding else "readout.weight"]
        engine = fitting_engine(self.engine, hidden.size if len(hidden) > 1 else 0, (hidden, weight))
        return multiply(engine, hidden, weight, params["readout.bias"]), tuple(states)

    @property
    def engine(self) -> Engine:
        """What runs its layers here, and so its readout and its loss."""
        name, _ = fitting_unrolling(self.config.unroll, self.cell)
        return find_engine(self.cell) if name == "fused" else XLA

    @property
    def notes(self) -> tuple[str, ...]:
        """Why something slower than `config.unroll` runs it here, in a line; none where it runs as asked."""
        why = fitting_unrolling(self.config.unroll, self.cell)[1]
        return () if why is None else (why,)

    def _lookup(self, params: Parameters, characters: Characters) -> Lookup:
        table = params.get("embedding.weight")
        return Lookup(jnp.eye(self.vocab_size) if table is None else table, characters)

    def _first_input(self, params: Parameters, characters: Characters, drop: "Dropper") -> LayerInput:
        lookup, rate = self._lookup(params, characters), self.config.dropout_input
        return drop(0, rate, lookup.gather()) if drop.key is not None and rate else lookup

    def _layer(
        self,
        layer: int,
        params: Parameters,
        inputs: LayerInput,
        state: State,
        lengths: Int[Array, " batch"] | None,
        resets: Bool[Array, "time batch"] | None,
    ) -> tuple[State, Float[Array, "time batch hidden"]]:
        own = layer_parameters(params, layer)
        if lengths is not None:
            # A prompt is padded to a power of two: a loop that ends with it is worth more than a kernel's speed.
            return dynamic(self.cell, own, inputs, state, lengths=lengths, resets=resets)
        name, _ = fitting_unrolling(self.config.unroll, self.cell)
        return find_unrolling(name)(self.cell, own, inputs, state, resets=resets)


@dataclass(frozen=True)
class Dropper:
    """The dropout of one pass: on where there is a key, each place with masks of its own.

    A place is numbered by the layer that reads from it; the readout counts as the last.
    """

    config: ModelConfig
    key: RandomKey | None
    lanes: Int[Array, " batch"]

    def __call__(
        self, place: int, rate: float, values: Float[Array, "time batch hidden"]
    ) -> Float[Array, "time batch hidden"]:
        if self.key is None:
            return values
        variational = self.config.dropout_kind == "variational"
        return dropout(jax.random.fold_in(self.key, place), rate, values, self.lanes, variational=variational)


def layer_parameters(params: Parameters, layer: int) -> Parameters:
    """The parameters of one recurrent layer, under the names its cell gave them."""
    suffix = f"_l{layer}"
    return {
        name.removeprefix("rnn.").removesuffix(suffix): value
        for name, value in params.items()
        if name.startswith("rnn.") and name.endswith(suffix)
    }


def count_parameters(params: Parameters) -> int:
    """How many numbers the network has learned."""
    return sum(value.size for value in params.values())
