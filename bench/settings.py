"""The settings that training steps are timed at, and the flags that choose among them."""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.programs import PEERS
from charloop.benchmark.training_step import StepSetting
from charloop.config import ModelConfig


def sized(layers: int, hidden: int, batch: int, length: int) -> StepSetting:
    """Return a setting with the embedding as wide as the layers, and the 65 characters of tinyshakespeare."""
    return StepSetting(
        ModelConfig(num_layers=layers, hidden_size=hidden, embed_size=hidden), batch, length, 65
    )


SETTINGS = {
    "S1": sized(3, 100, 32, 200),
    "S2": sized(1, 512, 50, 80),
    "S3": sized(2, 128, 50, 50),
    "S4": sized(2, 512, 64, 100),
}
"""S1: the tutorial's; S2: its later one; S3: char-rnn's default; S4: a larger one."""


def make_parser(name: str, documentation: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a script's documentation, and has a flag for the file of all figures."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{name}",
        description=documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="new file (bench-NAME-DATE-TIME.json)"
    )
    return parser


def add_program_flags(parser: argparse.ArgumentParser, rounds: int) -> None:
    """Add the flags that say which programs take turns, and how often."""
    parser.add_argument("--against", nargs="+", default=(), metavar="NAME", help="only these programs")
    parser.add_argument("--peers", type=Path, default=PEERS, metavar="FOLDER", help="folder of the programs")
    parser.add_argument("--rounds", type=positive, default=rounds, help="turns of each program")


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `chosen_settings` reads."""
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=[*SETTINGS])
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "rnn", "ln-lstm"], metavar="CELL")
    parser.add_argument(
        "--seq-length", nargs="+", type=positive, help="in place of the setting's", metavar="N"
    )
    parser.add_argument(
        "--hidden-size", nargs="+", type=positive, help="in place of the setting's", metavar="N"
    )


def chosen_settings(flags: argparse.Namespace) -> Iterator[tuple[str, StepSetting]]:
    """Yield each chosen cell at each setting, sequence length and hidden size, with the setting's name."""
    for name, cell in itertools.product(flags.settings, flags.cells):
        setting = SETTINGS[name]
        lengths = flags.seq_length or (setting.seq_length,)
        for length, hidden in itertools.product(lengths, flags.hidden_size or (setting.model.hidden_size,)):
            model = replace(setting.model, cell=cell, hidden_size=hidden, embed_size=hidden)
            yield name, replace(setting, model=model, seq_length=length)


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {number}; allowed: 1 or more")
    return number
