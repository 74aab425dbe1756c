"""A mixture of models: one distribution over the next character, made of those of all members."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import jax.numpy as jnp
from jax.nn import log_softmax, logsumexp
from jaxtyping import Array, Float, Int

from charloop.engines import Engine
from charloop.mixing.ngram import NgramModel
from charloop.mixing.vocabularies import INDEX, OFFSET, READS, SCALE
from charloop.model import CharLM
from charloop.types import Characters, Logits, Parameters, State

MIX_WEIGHTS = "weights"
Shares: TypeAlias = Float[Array, " members"]


def mix_logits(logits: list[Logits], weights: Shares) -> Logits:
    """Return the logits of the weighted geometric mean: p is proportional to the product of all p_i ** w_i.

    Equal members give the first one's logits unchanged.
    """
    beside = zip(weights[1:], beside_first(logits), strict=True)
    return sum((weight * difference for weight, difference in beside), start=logits[0])


def mix_probabilities(logits: list[Logits], weights: Shares) -> Logits:
    """Return the logits of the weighted mean: p is the sum of all w_i p_i."""
    beside = jnp.stack([jnp.zeros_like(logits[0]), *beside_first(logits)], -1)
    return logits[0] + logsumexp(beside + jnp.log(weights), -1)


def beside_first(logits: list[Logits]) -> list[Logits]:
    """Return the logarithms of the probabilities of each member after the first, minus the first one's."""
    first, *others = map(log_softmax, logits)
    return [other - first for other in others]


WAYS_TO_MIX: Mapping[str, Callable[[list[Logits], Shares], Logits]] = MappingProxyType(
    {"logit": mix_logits, "linear": mix_probabilities}
)
"""The ways to mix, by name: functions of the members' logits and weights, which sum to 1."""


def name_of_part(member: int, name: str) -> str:
    """Return the name that a member's array has among those of the mixture."""
    return f"{member}.{name}"


@dataclass(frozen=True)
class MixedModel:
    """A language model whose members each read the text; `kind` names how their predictions are mixed.

    The parameters are the weights, and each member's own; those of a member with another vocabulary also have the
    arrays of `translate`. The memory is a tuple of the members' memories.
    """

    members: tuple[CharLM | NgramModel, ...]
    kind: str
    vocab_size: int
    end_id: int | None = None

    @property
    def engine(self) -> Engine:
        """The first member's engine, which also computes the loss."""
        return self.members[0].engine

    @property
    def has_user_cell(self) -> bool:
        """Whether a member has a cell of the user's."""
        return any(member.has_user_cell for member in self.members)

    def initial_state(self, batch_size: int) -> State:
        """Return the memory of every member before the first character."""
        return tuple(member.initial_state(batch_size) for member in self.members)

    def apply(
        self,
        params: Parameters,
        characters: Characters,
        state: State,
        *,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Return the mixed logits, and the memory, as `CharLM.apply` does."""
        logits, state = self.apply_each(params, characters, state, lengths=lengths)
        return WAYS_TO_MIX[self.kind](logits, params[MIX_WEIGHTS]), state

    def apply_each(
        self,
        params: Parameters,
        characters: Characters,
        state: State,
        *,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[list[Logits], State]:
        """Return the logits of each member over the vocabulary of the mixture, and the memory."""
        logits, after = [], []
        for number, (member, memory) in enumerate(zip(self.members, state, strict=True)):
            start = name_of_part(number, "")
            own = {
                name.removeprefix(start): array for name, array in params.items() if name.startswith(start)
            }
            is_translated = READS in own
            read = own[READS][characters] if is_translated else characters
            found, memory = member.apply(own, read, memory, lengths=lengths)
            if is_translated:
                found = log_softmax(found)[..., own[INDEX]] * own[SCALE] + own[OFFSET]
            logits.append(found)
            after.append(memory)
        return logits, tuple(after)
