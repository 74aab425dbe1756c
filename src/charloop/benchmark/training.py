"""Whole training steps, charloop and its peers in turn."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from charloop.benchmark.peers import Peer
from charloop.benchmark.rounds import Row, time_programs
from charloop.benchmark.unrolling import Setting
from charloop.config import ModelConfig
from charloop.model import CharLM


def sized(layers: int, hidden: int, batch: int, length: int) -> Setting:
    """A setting with the embedding as wide as the layers and tinyshakespeare's alphabet."""
    return Setting(ModelConfig(num_layers=layers, hidden_size=hidden, embed_size=hidden), batch, length, 65)


SETTINGS = {
    "S1": sized(3, 100, 32, 200),
    "S2": sized(1, 512, 50, 80),
    "S3": sized(2, 128, 50, 50),
    "S4": sized(2, 512, 64, 100),
}
"""S1: the tutorial's; S2: its later one; S3: char-rnn's default; S4: a larger one."""


VISIT = 8
"""Steps a visit: as many as training makes in one call."""


def time_training(
    setting: Setting,
    peers: Sequence[Peer],
    rounds: int,
    visit: int = VISIT,
    say: Callable[[str], None] = print,
) -> list[Row]:
    """`rounds` times round the programs, `visit` steps each time."""
    sizes = asdict(setting)
    del sizes["precision"]
    request = sizes.pop("model") | sizes
    return time_programs(request, least_operations(setting), peers, rounds, visit, say)


def least_operations(setting: Setting) -> int:
    """Floating-point operations of the products in a step that no program can do without.

    Each product is made once forward and twice backward. The first layer's is of a table with a row a character,
    not of every place in the text: a program that multiplies every place does more than is counted here.
    """
    model, places = setting.model, setting.seq_length * setting.batch_size
    hidden, embed = model.hidden_size, model.embed_size
    gates = CharLM.build(model, setting.vocab_size).cell.gates * hidden
    table = setting.vocab_size * (embed or 1) * gates
    layers = model.num_layers * hidden * gates + (model.num_layers - 1) * hidden * gates
    return 3 * 2 * (table + places * (layers + hidden * setting.vocab_size))
