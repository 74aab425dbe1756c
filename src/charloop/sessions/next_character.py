"""What may come next in a text, and how likely each of it is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from charloop.data import Vocabulary
from charloop.data.vocabulary import UNKNOWN_SYMBOL
from charloop.errors import CharloopError
from charloop.sampling.along_text import make_penalty, settle
from charloop.sampling.bias import make_bias
from charloop.sampling.config import SamplingConfig
from charloop.sampling.filters import make_filters
from charloop.sampling.host_loop import TextState, softmax_row


@dataclass(frozen=True, eq=False)
class NextCharacter:
    """The distribution over what may come next: one probability for each token of the vocabulary."""

    text: TextState
    config: SamplingConfig
    vocabulary: Vocabulary

    @cached_property
    def symbols(self) -> tuple[str | bytes, ...]:
        """What each token stands for: a character or a byte; nothing, for the end and the label of a document."""
        known: tuple[str | bytes, ...] = self.vocabulary.symbols
        if self.vocabulary.unit == "byte":
            known = tuple(bytes([index]) for index in range(len(known)))
        nothing, unknown = known[0][:0], self.vocabulary.unknown_id
        special = range(len(known), self.vocabulary.size)
        return (*known, *(UNKNOWN_SYMBOL if index == unknown else nothing for index in special))

    @cached_property
    def probabilities(self) -> Float64[np.ndarray, " vocab"]:
        """The network's own probabilities, which sum to 1."""
        return self.text.probabilities()

    @cached_property
    def draw_probabilities(self) -> Float64[np.ndarray, " vocab"]:
        """The probabilities of a draw: after temperature, filters, bias and forbidden characters."""
        text, config, vocabulary = self.text, self.config, self.vocabulary
        logits = make_bias(config, vocabulary)(text.logits)
        if penalty := make_penalty(config):
            logits = settle(penalty, text.position, text.ages)(logits)
        begins = text.last in vocabulary.never_written or vocabulary.decode([text.last]).isspace()
        if config.temperature == 0 or (config.mode == "words" and not begins):
            greedy = np.zeros(vocabulary.size)
            greedy[int(logits.argmax())] = 1
            return greedy
        return softmax_row(settle(make_filters(config, vocabulary.size), text.position)(logits))

    def likeliest(self, count: int = 10) -> list[tuple[str | bytes, float]]:
        """Return the `count` (0 or more) likeliest symbols and the network's own probability of each; no labels.

        The likeliest comes first.
        """
        if count < 0:
            raise CharloopError("count", got=count, allowed="0 or more")
        found = [index for index in self.order() if index not in self.vocabulary.label_ids][:count]
        return [(self.symbols[index], float(self.probabilities[index])) for index in found]

    def order(self) -> list[int]:
        """Return all tokens, the likeliest first."""
        found: list[int] = np.argsort(-self.probabilities, kind="stable").tolist()
        return found
