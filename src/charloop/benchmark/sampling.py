"""Writing text, charloop and its peers in turn."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from charloop.benchmark.peers import Peer
from charloop.benchmark.rounds import Row, time_programs
from charloop.config import ModelConfig
from charloop.model import CharLM


@dataclass(frozen=True)
class Writing:
    """So many texts at once, of `length` characters each, chosen with every filter on."""

    model: ModelConfig
    num_samples: int
    length: int
    vocab_size: int = 65


def sized(layers: int, hidden: int) -> ModelConfig:
    """A network whose embedding is as wide as its layers."""
    return ModelConfig(num_layers=layers, hidden_size=hidden, embed_size=hidden)


NETWORKS = {"2x128": sized(2, 128), "1x512": sized(1, 512)}


def time_sampling(
    writing: Writing, peers: Sequence[Peer], rounds: int, say: Callable[[str], None] = print
) -> list[Row]:
    """One text (or several, side by side) a visit."""
    sizes = asdict(writing)
    request = sizes.pop("model") | sizes
    return time_programs(request, least_operations(writing), peers, rounds, visit=1, say=say)


def least_operations(writing: Writing) -> int:
    """Floating-point operations of the products in a visit that no program can do without.

    The first layer's input is a row of a table that can be made once; each layer has a product with its state.
    """
    model = writing.model
    gates = CharLM.build(model, writing.vocab_size).cell.gates * model.hidden_size
    layers = (2 * model.num_layers - 1) * model.hidden_size * gates
    a_character = 2 * (layers + model.hidden_size * writing.vocab_size)
    return writing.num_samples * writing.length * a_character
