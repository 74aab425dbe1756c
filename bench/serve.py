"""Run one program to be timed, in its own process and environment: `python -P serve.py PROGRAM.py`.

Standard library only, because the interpreters of other programs have no charloop. PROGRAM.py defines
`build(setting: dict) -> (step, versions)`: `step()` makes one whole training step and returns when it is done, and
`step.together(count)`, if it exists, makes several as the program's users would. `build` raises
`NotImplementedError("why")` for a setting that the program cannot run. PROGRAM.py can import the files beside it.

Standard input brings the setting as one line of JSON, then for each visit a line with the number of steps to make.
Each line is answered by one line of JSON.
"""

import json
import os
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any

SETTLE = 0.3
"""Seconds of quiet before a visit; after them comes one step that does not count."""


def main(program: str) -> None:
    """Answer until standard input ends."""
    sys.path.insert(0, os.path.dirname(program))
    # Standard output carries answers and nothing else: what a library prints goes to standard error.
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        build = runpy.run_path(program)["build"]
        try:
            start = time.perf_counter()
            step, versions = build(json.loads(sys.stdin.readline()))
            step()
        except NotImplementedError as reason:
            print(json.dumps({"missing": str(reason)}), file=answers)
            return
        print(json.dumps({"build": time.perf_counter() - start, "versions": versions}), file=answers)
        for line in sys.stdin:
            # Threads of the program before may still be spinning, and its data fills the caches.
            time.sleep(SETTLE)
            step()
            print(json.dumps({"seconds": time_steps(step, int(line))}), file=answers)


def time_steps(step: Callable[[], Any], count: int) -> list[float]:
    """Return the seconds of each of `count` steps; where they are made together, their mean."""
    together = getattr(step, "together", None)
    if together is not None:
        return [seconds(lambda: together(count)) / count] * count
    return [seconds(step) for _ in range(count)]


def seconds(step: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1])
