"""Time whole training steps of charloop and of other libraries, in turn.

    python -m bench.train [--settings S1 S2 S3 S4] [--cells lstm gru rnn ln-lstm] [--against torch] [--rounds 5]

A step is all of it: embedding, layers, readout, loss, gradient, clipping, Adam. A cell is a name or FILE.py:CLASS.
The settings: S1 has 3 x 100 units, batch 32, 200 characters a step; S2 1 x 512, 50, 80; S3 2 x 128, 50, 50; S4
2 x 512, 64, 100. Several sequence lengths or hidden sizes make a sweep.
"""

from collections.abc import Sequence
from dataclasses import asdict

from bench.programs import find_programs
from bench.rounds import Timing, print_timings, time_programs
from bench.settings import add_program_flags, add_setting_flags, chosen_settings, make_parser
from charloop.benchmark.results import ResultsFile
from charloop.benchmark.training_step import StepSetting
from charloop.model import CharLM

STEPS_PER_VISIT = 8
"""As many as `charloop train` makes in one call."""
HEADS = ("to first step", "step, median", "middle half", "to charloop", "of matrix rate")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each setting and cell."""
    parser = make_parser("train", __doc__)
    add_setting_flags(parser)
    add_program_flags(parser, rounds=5)
    flags = parser.parse_args(arguments)
    settings, programs = [*chosen_settings(flags)], find_programs("peer", flags.peers, flags.against)
    file, results = ResultsFile(flags.output, "train"), []
    print(file.machine_line)
    for name, setting in settings:
        sizes = asdict(setting)
        del sizes["precision"]
        request = sizes.pop("model") | sizes
        timings = time_programs(request, least_operations(setting), programs, flags.rounds, STEPS_PER_VISIT)
        print(f"\n{name}: {setting}")
        print_timings(HEADS, timings, milliseconds)
        results.append({"name": name, "setting": asdict(setting), "rows": [t.as_dict() for t in timings]})
        file.save(results=results)
    print(f"\nall figures: {file.path}")


def milliseconds(timing: Timing) -> tuple[str, str]:
    """Return the median and the middle half of the time of a step, in words."""
    low, high = timing.middle_half
    return f"{timing.median * 1e3:.1f} ms", f"{low * 1e3:.1f}-{high * 1e3:.1f}"


def least_operations(setting: StepSetting) -> int:
    """Return the floating-point operations of the products in a step that no program can do without.

    Each product is made once forward and twice backward. The first layer's product is of a table with a row for each
    character of the vocabulary, not of every position in the text: a program that multiplies every position does more
    than is counted here.
    """
    model = setting.model
    hidden, embed = model.hidden_size, model.embed_size
    gates = CharLM.build(model, setting.vocab_size).cell.gates * hidden
    table = setting.vocab_size * (embed or 1) * gates
    layers = model.num_layers * hidden * gates + (model.num_layers - 1) * hidden * gates
    return 3 * 2 * (table + setting.characters * (layers + hidden * setting.vocab_size))


if __name__ == "__main__":
    main()
