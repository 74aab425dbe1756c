"""Networks with random weights to time in their exported forms."""

import resource
from collections.abc import Callable

import jax

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.trained import TrainedModel

VOCABULARY = Vocabulary(tuple(map(chr, range(32, 97))))


def make_network(cell: str, hidden: int, embed: int, documents: str = "") -> TrainedModel:
    """Return a network of two layers and 65 characters."""
    vocabulary = Vocabulary(VOCABULARY.symbols, documents=documents) if documents else VOCABULARY
    config = ModelConfig(cell=cell, num_layers=2, hidden_size=hidden, embed_size=embed)
    model = CharLM.build(config, vocabulary.size, vocabulary.end_id)
    return TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})


def time_call(call: Callable[[], object]) -> float:
    """Return the processor seconds of a call, of all threads and of the programs that it starts."""
    start = measure_processor()
    call()
    return measure_processor() - start


def measure_processor() -> float:
    """Return the processor seconds of this process and its ended children."""
    who = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in who)
