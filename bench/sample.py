"""Time the writing of text by charloop and by other libraries, in turn: one text, and many at once.

    python -m bench.sample [--networks 2x128 1x512] [--cells lstm] [--num-samples 1 64] [--against torch]

Every filter is on: temperature 0.8, top-k 40, top-p 0.95, min-p 0.01. charloop streams a single text piece by piece.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, replace

from bench.programs import find_programs
from bench.rounds import Timing, print_timings, time_programs
from bench.settings import add_program_flags, make_parser, positive
from charloop.benchmark.results import ResultsFile
from charloop.config import ModelConfig
from charloop.model import CharLM
from charloop.wording import describe_model

FILTERS = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.01}
NETWORKS = {
    "2x128": ModelConfig(num_layers=2, hidden_size=128, embed_size=128),
    "1x512": ModelConfig(num_layers=1, hidden_size=512, embed_size=512),
}
VOCAB_SIZE = 65
HEADS = ("to first text", "characters/s", "middle half", "to charloop", "of matrix rate")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each network, cell and number of texts."""
    parser = make_parser("sample", __doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--cells", nargs="+", default=["lstm"], metavar="CELL")
    parser.add_argument("--num-samples", nargs="+", type=positive, default=(1, 64), help="texts at once")
    parser.add_argument("--length", type=positive, default=5000, help="characters of each text")
    add_program_flags(parser, rounds=7)
    flags = parser.parse_args(arguments)
    networks = [replace(NETWORKS[name], cell=cell) for name in flags.networks for cell in flags.cells]
    programs = find_programs("sample", flags.peers, flags.against)
    file, results = ResultsFile(flags.output, "sample", filters=FILTERS), []
    print(file.machine_line)
    for model, number in itertools.product(networks, flags.num_samples):
        sizes = {"num_samples": number, "length": flags.length, "vocab_size": VOCAB_SIZE}
        operations = number * flags.length * least_operations(model)
        request = asdict(model) | sizes | {"filters": FILTERS}
        timings = time_programs(request, operations, programs, flags.rounds, steps=1)
        print_speeds(model, number, flags.length, timings)
        results.append({"setting": {"model": asdict(model)} | sizes, "rows": [t.as_dict() for t in timings]})
        file.save(results=results)
    print(f"\nall figures: {file.path}")


def print_speeds(model: ModelConfig, num_samples: int, length: int, timings: Sequence[Timing]) -> None:
    """Print one line per program: the characters that it writes per second, all texts together."""

    def speed(timing: Timing) -> tuple[str, str]:
        slow, fast = sorted(num_samples * length / seconds for seconds in timing.middle_half)
        return f"{num_samples * length / timing.median:,.0f}", f"{slow:,.0f}-{fast:,.0f}"

    texts = "one text" if num_samples == 1 else f"{num_samples} texts at once"
    print(f"\n{describe_model(model)}, {texts} of {length:,} characters")
    print_timings(HEADS, timings, speed)


def least_operations(model: ModelConfig) -> int:
    """Return the floating-point operations of the products for a character that no program can do without.

    The first layer's input is a row of a table that can be made once; each layer has a product with its state.
    """
    gates = CharLM.build(model, VOCAB_SIZE).cell.gates * model.hidden_size
    layers = (2 * model.num_layers - 1) * model.hidden_size * gates
    return 2 * (layers + model.hidden_size * VOCAB_SIZE)


if __name__ == "__main__":
    main()
