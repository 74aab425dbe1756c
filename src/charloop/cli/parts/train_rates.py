"""charloop train --find-learning-rate: a short run in which the learning rate rises, as a table and a curve."""

import json
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloop.cli.terminal.output import print_notes
from charloop.cli.terminal.progress import showing_progress
from charloop.config import RunConfig

if TYPE_CHECKING:
    from charloop.training.new_runs.range_test import RangeTest

ROWS_PER_POWER = 2
"""Rows of the table for each power of ten."""
OWN = ("--find-learning-rate", "--json")
RULE = "a tenth of the highest rate whose smoothed loss is near the lowest"


def show_rates(
    config: RunConfig,
    init_from: Path | None,
    kept: Collection[str] | None,
    arguments: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Try learning rates on the run that `arguments` describe; print a rate and the command that trains with it."""
    from charloop.training.new_runs.range_test import find_learning_rate

    with showing_progress() as listener:
        made = find_learning_rate(config, init_from=init_from, kept=kept, listener=listener)
    same = [one for one in arguments if one.replace("_", "-") not in OWN]
    command = ["charloop", "train", *same, "--learning-rate", f"{made.learning_rate:g}"]
    if as_json:
        print(json.dumps(rate_values(made, command)))
        return
    print_notes(made.notes)
    for line in rate_lines(made, command):
        print(line)


def rate_values(made: "RangeTest", command: Sequence[str]) -> dict[str, Any]:
    """Return the test as plain values, for JSON."""
    return {
        "learning_rate": made.learning_rate,
        "highest_good": made.highest_good,
        "rule": RULE,
        "command": list(command),
        "rates": made.rates.tolist(),
        "losses": made.losses.tolist(),
        "smoothed": made.smoothed.tolist(),
        "notes": list(made.notes),
    }


def rate_lines(made: "RangeTest", command: Sequence[str]) -> Iterator[str]:
    """Yield a table, on a terminal a curve, the rate found, and the command to go on with."""
    import numpy as np

    from charloop.cli.terminal.tables import right, table_lines

    powers, smoothed = np.log10(made.rates), made.smoothed
    shown = np.arange(powers[0], powers[-1] + 1e-9, 1 / ROWS_PER_POWER)
    rows = [(f"{10**power:.1e}", f"{np.interp(power, powers, smoothed):.3f}") for power in shown.tolist()]
    yield from table_lines([right("learning rate"), right("smoothed loss")], rows)
    if sys.stdout.isatty():
        yield from draw_rates(made)
    yield ""
    yield f"learning rate  {made.learning_rate:g}: {RULE}, {made.highest_good:.2g}"
    yield f"train          {shlex.join(command)}"


def draw_rates(made: "RangeTest") -> Iterator[str]:
    """Yield the curve of the smoothed loss, and the rates at both ends of it."""
    from charloop.cli.terminal.curve import LEFT, Curve

    curve, last = Curve(), max(1, len(made.rates) - 1)
    for number, loss in enumerate(made.smoothed.tolist()):
        curve.add(number / last, loss)
    rows = [row.plain for row in curve.draw(shutil.get_terminal_size().columns, None)]
    if rows:
        width = max(map(len, rows)) - LEFT
        low, high = (f"{rate:.0e}" for rate in (made.rates[0], made.rates[-1]))
        yield from ("", *rows, " " * LEFT + f"{low}{high:>{max(1, width - len(low))}}")
