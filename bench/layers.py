"""A recurrent layer alone, beside other libraries': `charloop.recurrent` and every `bench/peers/NAME/layer.py`.

    python bench/layers.py [--cells lstm gru rnn] [--rounds 4] [--against torch flax equinox]

A step is the layer from a zero state over random inputs, the mean square of its outputs as the loss, and the
gradient of the loss in parameters and inputs. Time-major, float32, one layer as wide as its inputs. With `--lengths`
the rows of a batch end at different times, between half of the steps and all of them.
"""

import argparse
from pathlib import Path

from charloop.benchmark.peers import OURS, find_peers
from charloop.benchmark.rounds import Row, time_programs

HERE = Path(__file__).parent
SIZES = ((200, 32, 64), (50, 50, 128), (100, 32, 256), (100, 64, 512))
"""Steps, batch rows, units."""
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
VISIT = 8
PEERS = find_peers(HERE / "peers", "layer", str(HERE / "own_layer.py"))
OTHERS = [peer.name for peer in PEERS if peer.name != OURS]


def main() -> None:
    """Print a table for each cell."""
    flags = arguments()
    peers = [peer for peer in PEERS if peer.name in (OURS, *(flags.against or OTHERS))]
    for cell in flags.cells:
        print(f"\n{cell}, rows that end at different times" if flags.lengths else f"\n{cell}", flush=True)
        for steps, batch, units in SIZES:
            request = {"cell": cell, "steps": steps, "batch": batch, "units": units, "lengths": flags.lengths}
            rows = time_programs(
                request, operations(cell, steps, batch, units), peers, flags.rounds, VISIT, skip
            )
            print(f"{units} units, {steps} steps, batch {batch}: " + "; ".join(map(figure, rows)), flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=GATES, default=list(GATES))
    parser.add_argument(
        "--rounds", type=int, default=4, help=f"times round the libraries, {VISIT} steps each"
    )
    parser.add_argument("--against", nargs="+", choices=OTHERS, help="only these")
    parser.add_argument("--lengths", action="store_true", help="rows end at different times")
    flags = parser.parse_args()
    if flags.rounds < 1:
        parser.error(f"--rounds: got {flags.rounds}; allowed: 1 or more")
    return flags


def operations(cell: str, steps: int, batch: int, units: int) -> int:
    """Floating-point operations of the two products of each step, forward once and backward twice."""
    return 3 * 2 * 2 * steps * batch * units * GATES[cell] * units


def figure(row: Row) -> str:
    """A program's time, as a ratio beside charloop's; or why there is none."""
    if row.missing:
        return f"{row.program}: {row.missing}"
    if row.program == OURS:
        return f"charloop {1e3 * row.median:.1f} ms"
    return f"{row.program} {row.ratio:.2f}x"


def skip(_: str) -> None:
    """Progress is not shown."""


if __name__ == "__main__":
    main()
