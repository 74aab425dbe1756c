"""charloop bench: time charloop on this machine."""

import importlib
from collections.abc import Sequence

from charloop.errors import CharloopError, unknown_name

BENCHMARKS = {
    "speed": "characters per second of training and of sampling",
    "unroll": "the unrollings side by side: time to trace, to compile, to make a step",
}
MOVED = ("train", "sample", "encode", "memory")
"""Benchmarks that earlier versions had; all but memory compare with other programs."""


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark that the first argument names."""
    if not arguments:
        raise CharloopError(
            "charloop bench: no benchmark", allowed=", ".join(BENCHMARKS), do="see charloop bench --help"
        )
    name, *rest = arguments
    if name in ("-h", "--help"):
        print(usage())
    elif name in MOVED:
        raise CharloopError(
            f"charloop bench {name} is now a script",
            do=f"run `python -m bench.{name}` in a checkout of charloop (see bench/README.md)",
        )
    elif name not in BENCHMARKS:
        raise unknown_name("benchmark", name, BENCHMARKS, do="see charloop bench --help")
    else:
        importlib.import_module(f"charloop.cli.commands.bench.{name}").main(rest)


def usage() -> str:
    """Return what `charloop bench --help` shows."""
    lines = "\n".join(f"  {name:9}{summary}" for name, summary in BENCHMARKS.items())
    return f"""usage: charloop bench BENCHMARK ...

Time charloop on this machine.

{lines}

charloop bench BENCHMARK --help shows the flags of a benchmark.
"""
