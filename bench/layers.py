"""Time one recurrent layer of charloop and of other libraries, in turn.

    python -m bench.layers [--cells lstm gru rnn] [--rounds 4] [--against torch flax equinox]

A step is the layer from a zero state over random inputs, the mean square of its outputs as the loss, and the
gradient of the loss in parameters and inputs. Time-major, float32, one layer as wide as its inputs. With `--lengths`
the rows of a batch end at different times, between half of the steps and all of them.
"""

from collections.abc import Sequence

from bench.programs import OURS, find_programs
from bench.rounds import Timing, time_programs
from bench.settings import add_program_flags, make_parser
from charloop.benchmark.results import ResultsFile

SIZES = ((200, 32, 64), (50, 50, 128), (100, 32, 256), (100, 64, 512))
"""Steps, batch rows, units."""
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
STEPS_PER_VISIT = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each cell and size."""
    parser = make_parser("layers", __doc__)
    parser.add_argument("--cells", nargs="+", choices=GATES, default=[*GATES])
    add_program_flags(parser, rounds=4)
    parser.add_argument("--lengths", action="store_true", help="rows end at different times")
    flags = parser.parse_args(arguments)
    programs = find_programs("layer", flags.peers, flags.against)
    file, results = ResultsFile(flags.output, "layers"), []
    print(file.machine_line)
    for cell in flags.cells:
        print(f"\n{cell}, rows that end at different times" if flags.lengths else f"\n{cell}", flush=True)
        for steps, batch, units in SIZES:
            setting = {"cell": cell, "steps": steps, "batch": batch, "units": units, "lengths": flags.lengths}
            operations = least_operations(cell, steps, batch, units)
            timings = time_programs(setting, operations, programs, flags.rounds, STEPS_PER_VISIT)
            figures = "; ".join(map(describe_timing, timings))
            print(f"{units} units, {steps} steps, batch {batch}: {figures}", flush=True)
            results.append({"setting": setting, "rows": [timing.as_dict() for timing in timings]})
            file.save(results=results)
    print(f"\nall figures: {file.path}")


def least_operations(cell: str, steps: int, batch: int, units: int) -> int:
    """Return the floating-point operations of the two products of each step, forward once and backward twice."""
    return 3 * 2 * 2 * steps * batch * units * GATES[cell] * units


def describe_timing(timing: Timing) -> str:
    """Return a program's time, as a ratio to charloop's; or why there is none."""
    if timing.missing:
        return f"{timing.program}: {timing.missing}"
    if timing.program == OURS:
        return f"{OURS} {1e3 * timing.median:.1f} ms"
    return f"{timing.program} {timing.ratio:.2f}x"


if __name__ == "__main__":
    main()
