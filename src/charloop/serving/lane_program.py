"""The compiled program that writes a block in all lanes (see `lanes`)."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Float, Int, Shaped

from charloop.devices import BATCH
from charloop.pytree import register_pytree
from charloop.sampling.along_text import Ramp, RepetitionPenalty, age
from charloop.sampling.compiled_loop import NOT_A_CHARACTER
from charloop.sampling.filters import Chain, Choices, MinP, Temperature, TopK, TopP
from charloop.sampling.pickers import Picked, Sample
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters, State

BLOCK = 128
"""The most tokens of each lane that one call of the compiled program writes."""
TOP = 20
"""Of how many likeliest tokens the log probabilities are kept, where they are wanted."""


PerLane: TypeAlias = Any
"""An array with a leading lane axis, NumPy's between two calls and JAX's in a program."""


@register_pytree
@dataclass(frozen=True)
class Rows:
    """What the program knows of each lane besides the network's state."""

    previous: PerLane
    """The last token, which the network has not read yet."""
    position: PerLane
    """How many tokens the lane has written."""
    key: PerLane
    """The data of its random key: two uint32."""
    ages: PerLane
    """How long ago prompt and text had each token of the vocabulary (`sampling.along_text`)."""
    counts: PerLane
    """How often the new text has each token."""
    bias: PerLane
    """What is added to the logit of each token."""
    first: PerLane
    """The temperature of the first token; 0 always takes the likeliest token."""
    last: PerLane
    """The temperature of token number `length`."""
    length: PerLane
    top_k: PerLane
    top_p: PerLane
    min_p: PerLane
    repetition: PerLane
    window: PerLane
    presence: PerLane
    frequency: PerLane
    words: PerLane
    """Whether only the first token of each word is drawn."""
    logs: PerLane
    """Whether log probabilities are wanted."""


class Logs(NamedTuple):
    """The network's own log probabilities (nats, before temperature and filters) of each token written."""

    chosen: Any
    top: Any
    """Those of the likeliest tokens, the likeliest first: one more axis, of at most `TOP`."""
    tokens: Any
    """Which tokens these are."""


Carry: TypeAlias = tuple[State, Rows, Int[Array, "block lanes"], Logs]


class Block(NamedTuple):
    """What one call wrote in all lanes: `[count, lanes]` tokens; `NOT_A_CHARACTER` where weights are not finite."""

    ids: Int[np.ndarray, "count lanes"]
    logs: Logs


@partial(jax.jit, static_argnames=("model", "mesh", "top"))
def write_block(
    model: LanguageModel,
    mesh: Mesh,
    top: int,
    params: Parameters,
    state: State,
    rows: Rows,
    ends_word: Shaped[Array, " vocab"],
    count: Int[Array, ""],
) -> Carry:
    lanes, blocks = Spec(BATCH), Spec(None, BATCH)
    write = jax.shard_map(
        partial(_write_rows, model, top),
        mesh=mesh,
        in_specs=(Spec(), lanes, lanes, Spec(), Spec()),
        out_specs=(lanes, lanes, blocks, blocks),
        check_vma=False,
    )
    written: Carry = write(params, state, rows, ends_word, count)
    return written


def _write_rows(
    model: LanguageModel,
    top: int,
    params: Parameters,
    state: State,
    rows: Rows,
    ends_word: Shaped[Array, " vocab"],
    count: Int[Array, ""],
) -> Carry:
    """Write with a loop whose length is a run-time value: one program serves short and long blocks."""

    def write_one(index: Int[Array, ""], carry: Carry) -> object:
        state, rows, ids, logs = carry
        outputs, state = model.apply(params, rows.previous[None], state)
        logits = outputs[0].astype(jnp.float32)
        picked = jnp.where(jnp.isfinite(logits.max(-1)), _pick(rows, logits, ends_word), NOT_A_CHARACTER)
        entry = jax.lax.cond(rows.logs.any(), partial(_log, top), partial(_no_log, top), logits, picked)
        logs = jax.tree.map(lambda all_, one: all_.at[index].set(one), logs, entry)
        return state, _count(rows, picked), ids.at[index].set(picked), logs

    lanes = len(rows.previous)
    ids = jnp.full((BLOCK, lanes), NOT_A_CHARACTER)
    logs = Logs(
        jnp.zeros((BLOCK, lanes)), jnp.zeros((BLOCK, lanes, top)), jnp.zeros((BLOCK, lanes, top), jnp.int32)
    )
    carry: Carry = jax.lax.fori_loop(0, count, write_one, (state, rows, ids, logs))
    return carry


def _pick(rows: Rows, logits: Choices, ends_word: Shaped[Array, " vocab"]) -> Picked:
    """Pick the next token of each lane, in the order of `sampling.pickers.make_picker`."""
    keys = jax.vmap(jax.random.fold_in)(
        jax.random.wrap_key_data(rows.key, impl="threefry2x32"), rows.position
    )
    penalty = RepetitionPenalty(rows.repetition[:, None], rows.window[:, None], rows.ages)
    logits = penalty(logits + rows.bias)
    logits -= rows.counts * rows.frequency[:, None] + (rows.counts > 0) * rows.presence[:, None]
    temperature = Ramp(rows.first, rows.last, rows.length).at(rows.position)
    scaled = Temperature(temperature[:, None])(logits)
    filtering = (rows.top_k < logits.shape[-1]) | (rows.top_p < 1) | (rows.min_p > 0)
    kept = jax.lax.cond(filtering.any(), _filter, lambda _, logits: logits, rows, scaled)
    drawn = Sample(Chain())(kept, rows.previous, keys)
    greedy = (temperature == 0) | (rows.words & ~ends_word[rows.previous])
    return jnp.where(greedy, logits.argmax(-1), drawn)


def _filter(rows: Rows, logits: Choices) -> Choices:
    """Apply top k, top p and min p to each lane; those that are off leave its logits as they are."""

    def filter_one(
        k: Int[Array, ""], p: Float[Array, ""], least: Float[Array, ""], logits: Float[Array, " vocab"]
    ) -> Float[Array, " vocab"]:
        return Chain((TopK(k), TopP(p), MinP(least)))(logits[None])[0]

    return jax.vmap(filter_one)(rows.top_k, rows.top_p, rows.min_p, logits)


def _count(rows: Rows, picked: Picked) -> Rows:
    """Return the rows after one more token of each lane."""
    seen = jnp.arange(rows.counts.shape[-1]) == picked[:, None]
    return replace(
        rows,
        previous=picked,
        position=rows.position + 1,
        ages=age(rows.ages, picked),
        counts=rows.counts + seen,
    )


def _log(top: int, logits: Choices, picked: Picked) -> Logs:
    values = jax.nn.log_softmax(logits)
    chosen = jnp.take_along_axis(values, picked[:, None], -1)[:, 0]
    return Logs(chosen, *jax.lax.top_k(values, top))


def _no_log(top: int, logits: Choices, picked: Picked) -> Logs:
    none = jnp.zeros((len(picked), top))
    return Logs(jnp.zeros_like(logits[:, 0]), none, none.astype(jnp.int32))
