"""charloop verify: repeat a run's last steps, and compare bit for bit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from charloop.cli.exit_codes import FOUND
from charloop.cli.flags.parsing import Switch, check_ranges, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines
from charloop.config.ranges import NonNegativeCount

if TYPE_CHECKING:
    from charloop.training.verification import Check, Repetition


@dataclass(frozen=True)
class VerifyFlags:
    """Repeat the steps of a run between its last two checkpoints, and compare.

    Each step's loss and gradient norm are compared with those the run recorded.

    At the last checkpoint, so are state, weights, validation loss and samples.

    Status 0 if all is equal, bit for bit; 1 if not. The run is not changed.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    steps: NonNegativeCount = 200
    """Largest number of steps to repeat; 0: all up to the last checkpoint."""
    json: Switch = False
    """Print one JSON object."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""


def main(arguments: Sequence[str]) -> int:
    """Repeat, compare, and print the result. Return 0, or 1 if there is a difference."""
    flags = check_ranges(parse(VerifyFlags, "verify", arguments))
    prepare_jax()
    from charloop.training.verification import Repetition

    repetition = Repetition.of(flags.run, cell=flags.cell, steps=flags.steps)
    if flags.json:
        checks = repetition.run()
        facts = {
            "run": str(flags.run),
            "from_step": repetition.start,
            "to_step": repetition.stop,
            "checks": [{"what": check.what, "difference": check.difference} for check in checks],
            "equal": not any(check.difference for check in checks),
            "notes": list(repetition.notes),
        }
        print(json.dumps(facts))
    else:
        print_lines(plan_lines(flags.run, repetition))
        checks = repetition.run()
        print_lines(result_lines(checks))
    return FOUND if any(check.difference for check in checks) else 0


def plan_lines(run: Path, repetition: "Repetition") -> Iterator[str]:
    """Yield what is about to be done."""
    from charloop.wording import number_of

    count = number_of(repetition.stop - repetition.start, "step")
    yield f"run         {run}"
    yield f"repeats     {count}: from the checkpoint after step {repetition.start:,} to step {repetition.stop:,}"
    yield from (f"note        {note}" for note in repetition.notes)


def result_lines(checks: "Sequence[Check]") -> Iterator[str]:
    """Yield the result."""
    for check in checks:
        yield f"{'equal' if check.difference is None else 'DIFFERENT':11} {check.what}"
        if check.difference:
            yield f"            {check.difference}"
    same = all(check.difference is None for check in checks)
    yield f"result      {'the same, bit for bit' if same else 'not the same'}"
