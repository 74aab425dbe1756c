"""The network: characters in, logits of the next character out, memory passed in and out."""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Integer

from charloop.cells import Cell
from charloop.cells.checking import check_cell
from charloop.cells.from_object import find_cell, is_user_cell
from charloop.config import ModelConfig
from charloop.dropout import drop_characters
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.recurrent import Recurrent, Stack
from charloop.recurrent.base import CallOptions
from charloop.recurrent.stack import drop_outputs, select_parameters
from charloop.types import Characters, Logits, Parameters, RandomKey, State
from charloop.unroll import LayerInput, Lookup, find_unrolling, gather_features
from charloop.unroll.fused import choose_engine, multiply_inputs

MAX_ONE_HOT = 4096
"""Largest vocabulary for one-hot input, whose matrices grow with the square of the vocabulary."""


@dataclass(frozen=True)
class CharLM:
    """Embedding, recurrent layers with dropout around them, softmax readout.

    Parameters are one flat dictionary with the names and shapes of a PyTorch module whose attributes are `embedding`
    (Embedding), `rnn` (RNN, GRU or LSTM of as many layers) and `readout` (Linear): its `state_dict` fits unchanged.
    """

    config: ModelConfig
    vocab_size: int
    cell: Cell
    end_id: int | None = None
    """The end symbol of documents, if texts are divided into them: the memory is emptied before it is read."""

    @classmethod
    def build(cls, config: ModelConfig, vocab_size: int, end_id: int | None = None) -> "CharLM":
        """Return the model that `config` describes, for `vocab_size` characters, of which `end_id` ends documents.

        Raises CharloopError for an unknown cell, option or unrolling, for sizes that cannot be tied, and for a user's
        cell that fails `check_cell`.
        """
        find_unrolling(config.unroll)
        if config.tie_embedding and config.embed_size != config.hidden_size:
            sizes = f"embed-size {config.embed_size}, hidden-size {config.hidden_size}"
            raise CharloopError("a tied embedding needs embed-size = hidden-size", got=sizes)
        if not config.embed_size and vocab_size > MAX_ONE_HOT:
            raise CharloopError(
                "vocabulary size for one-hot input",
                got=vocab_size,
                allowed=f"up to {MAX_ONE_HOT}",
                do="use --embed-size 128",
            )
        if config.embedding_dropout and not config.embed_size:
            raise CharloopError(
                "--embedding-dropout for one-hot input, which has no embedding",
                got=config.embedding_dropout,
                do="leave it out, or use --embed-size 64",
            )
        cell = find_cell(config.cell, config.hidden_size, config.cell_options)
        if is_user_cell(config.cell):
            check_cell(cell)
        return cls(config, vocab_size, cell, end_id)

    @cached_property
    def stack(self) -> Stack:
        """Its recurrent layers, and the dropout between them. Their engines are chosen here, once."""
        return self._stack(self.config.unroll)

    @cached_property
    def _reading_stack(self) -> Stack:
        """The layers for rows with lengths: prompts are padded, and a loop that ends early costs less than a kernel.

        Its parameters and memory are those of `stack`; it is cheap to build, as it compiles no kernel.
        """
        return self._stack("dynamic")

    def _stack(self, unroll: str) -> Stack:
        layers = (Recurrent(self.cell, unroll=unroll),) * self.config.num_layers
        return Stack(layers, self.config.dropout_between, self.config.dropout_kind)

    @property
    def input_size(self) -> int:
        """Features of a character: `embed_size`, or one per character if that is 0 (one-hot)."""
        return self.config.embed_size or self.vocab_size

    def init(self, key: RandomKey) -> Parameters:
        """Return initial weights; equal keys, equal weights.

        The embedding has variance 1, as in PyTorch. With 0.1 of that scale the first layer hardly reacts to its
        input, and a run of 400 steps ends 0.4 nats worse.
        """
        key_embedding, key_readout, *keys = jax.random.split(key, 2 + self.config.num_layers)
        hidden, params = self.config.hidden_size, {"readout.bias": jnp.zeros(self.vocab_size)}
        if self.config.embed_size:
            shape = (self.vocab_size, self.config.embed_size)
            params["embedding.weight"] = jax.random.normal(key_embedding, shape)
        if not self.config.tie_embedding:
            shape = (self.vocab_size, hidden)
            params["readout.weight"] = hidden**-0.5 * jax.random.uniform(key_readout, shape, minval=-1.0)
        own = self._reading_stack.init_each(keys, self.input_size)
        return params | {f"rnn.{name}": value for name, value in own.items()}

    def initial_state(self, batch_size: int) -> State:
        """Return the memory of every layer before the first character."""
        return self._reading_stack.initial_state(batch_size)

    def apply(
        self,
        params: Parameters,
        characters: Integer[Array, "time batch"],
        state: State,
        *,
        key: RandomKey | None = None,
        batch_rows: Int[Array, " batch"] | None = None,
        lengths: Int[Array, " batch"] | None = None,
        resets: Bool[Array, "time batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Logits of the character after each of `characters`, and the state after the last.

        `key` switches dropout on; `batch_rows` numbers the rows that its masks are drawn for (0, 1, ... by default).
        With `lengths`, row `b` reads only `lengths[b]` characters and keeps the state after them. Before a
        character whose `resets[time, batch]` is true, that row's memory is emptied; and before the end symbol of
        documents, by which each of them begins.
        """
        if not jnp.issubdtype(characters.dtype, jnp.integer):
            raise TypeError(f"characters must be integers, not {characters.dtype}")
        # Tokens may be uint8; kernels and gradients need int32.
        characters = characters.astype(jnp.int32)
        begins = self._begins(characters)
        if begins is not None:
            resets = begins if resets is None else begins | resets
        options = CallOptions(resets=resets, lengths=lengths, key=key, batch_rows=batch_rows)
        inputs: LayerInput = self._lookup(params, characters, key)
        if key is not None and self.config.dropout_input:
            inputs = drop_outputs(
                0, self.config.dropout_input, self.config.dropout_kind, gather_features(inputs), options
            )
        return self._run(params, inputs, state, options)

    def vectors(self, params: Parameters, characters: Characters) -> Float[Array, "time batch input"]:
        """Return what the first layer reads for each of `characters`: rows of the embedding, or one-hot vectors."""
        return gather_features(self._lookup(params, characters))

    def apply_vectors(
        self, params: Parameters, vectors: Float[Array, "time batch input"], state: State
    ) -> tuple[Logits, State]:
        """Run `apply` on `vectors` instead of characters, without dropout, so that they can be differentiated."""
        return self._run(params, vectors, state, CallOptions())

    def layer_outputs(
        self, params: Parameters, characters: Characters, state: State, lengths: Int[Array, " batch"]
    ) -> tuple[list[Float[Array, "time batch hidden"]], State]:
        """Return the outputs of each recurrent layer, and the state, as `apply` with `lengths` computes them."""
        characters = characters.astype(jnp.int32)
        options = CallOptions(resets=self._begins(characters), lengths=lengths)
        own = recurrent_parameters(params)
        return self._reading_stack.run(own, self._lookup(params, characters), state, options)

    def _begins(self, characters: Characters) -> Bool[Array, "time batch"] | None:
        """Return where documents begin; None if texts are not divided into documents."""
        return None if self.end_id is None else characters == self.end_id

    def _run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[Logits, State]:
        """Return the logits from what the first layer reads."""
        stack = self.stack if options.lengths is None else self._reading_stack
        outputs, state = stack.run(recurrent_parameters(params), inputs, state, options)
        rate, kind = self.config.dropout_output, self.config.dropout_kind
        read = outputs[-1] if self.config.readout_from == "last" else sum(outputs[1:], outputs[0])
        hidden = drop_outputs(len(outputs), rate, kind, read, options)
        weight = params["embedding.weight" if self.config.tie_embedding else "readout.weight"]
        engine = choose_engine(self.engine, hidden.size if len(hidden) > 1 else 0, (hidden, weight))
        return multiply_inputs(engine, hidden, weight, params["readout.bias"]), state

    @property
    def has_user_cell(self) -> bool:
        """Whether its cell is the user's: another with the same name may have other code."""
        return is_user_cell(self.config.cell)

    @property
    def engine(self) -> Engine:
        """The engine of its layers here, and thus of its readout and loss."""
        return self.stack.engine

    @property
    def notes(self) -> tuple[str, ...]:
        """Why something slower than `config.unroll` runs it here, in a line; empty if it runs as requested."""
        return self.stack.reasons

    def _lookup(self, params: Parameters, characters: Characters, key: RandomKey | None = None) -> Lookup:
        """Return what the first layer reads; with a `key`, some characters are dropped. A tied readout keeps them."""
        table = params.get("embedding.weight")
        if table is None:
            return Lookup(jnp.eye(self.vocab_size), characters)
        if key is not None:
            table = drop_characters(key, self.config.embedding_dropout, table)
        return Lookup(table, characters)


def recurrent_parameters(params: Parameters) -> Parameters:
    """Return the stack's parameters, under its own names."""
    return {name.removeprefix("rnn."): value for name, value in params.items() if name.startswith("rnn.")}


def layer_parameters(params: Parameters, layer: int) -> Parameters:
    """Return the parameters of one recurrent layer, under its cell's names."""
    return select_parameters(recurrent_parameters(params), layer)


def count_parameters(params: Parameters) -> int:
    """Return how many numbers the network has learned."""
    return sum(value.size for value in params.values())
