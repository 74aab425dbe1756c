"""Time one text of the C form beside `charloop sample`, in turns: `python -m bench.export_c [--rounds N]`.

Characters per second of processor time, which other programs disturb less than the clock; medians. lstm with random
weights, 65 characters, temperature 0.8, top-k 40, top-p 0.95.
"""

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.exported import make_network, time_call
from charloop.exporting import export
from charloop.trained import TrainedModel

SETTINGS: dict[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.95}
COMPILERS = ("gcc -O3 -march=native -ffast-math", "clang -O3 -march=native -ffast-math")


def build_programs(network: TrainedModel, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield a description and a program for each compiler and each kind of weights."""
    for int8 in (False, True):
        source = folder / f"int8_{int8}.c"
        export(network, "c", source, int8=int8, **SETTINGS)
        for compiler in COMPILERS:
            program = folder / f"{compiler.split()[0]}_{int8}"
            subprocess.run([*compiler.split(), "-DCHARLOOP_MAIN", source, "-o", program, "-lm"], check=True)
            yield f"{'int8' if int8 else 'float32'}, {compiler}", program


def main() -> None:
    """Print a line for each network and program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--length", type=int, default=20_000)
    flags = parser.parse_args()
    for hidden in (128, 256):
        with tempfile.TemporaryDirectory() as folder:
            network = make_network("lstm", hidden, hidden)
            calls: dict[str, Callable[[], object]] = {
                "charloop sample": partial(network.sample, "A", length=flags.length, **SETTINGS)
            }
            for name, program in build_programs(network, Path(folder)):
                command = [str(program), "--prompt", "A", "--length", str(flags.length)]
                calls[name] = partial(subprocess.run, command, check=True, capture_output=True)
            for call in calls.values():
                call()
            rounds = [{name: time_call(call) for name, call in calls.items()} for _ in range(flags.rounds)]
        for name in calls:
            middle = statistics.median(taken[name] for taken in rounds)
            print(f"2 x {hidden}  {flags.length / middle:10,.0f}  {name}", flush=True)


if __name__ == "__main__":
    main()
