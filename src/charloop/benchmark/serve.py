"""Run one program to be timed, in a process and an environment of its own: `python -P serve.py PROGRAM.py`.

Standard library only: peers run it with interpreters that have no charloop. PROGRAM.py defines
`build(setting: dict) -> (step, versions)`: `step()` makes one whole training step and returns when it is done, and
`step.together(count)`, if there is one, makes several, as the program's users would; `NotImplementedError("why")`
says that the program has no such cell. Standard input brings the setting as one line of JSON, then one line for each
visit: how many steps to make. Every line is answered by one line of JSON.
"""

import json
import os
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any

SETTLE = 0.3
"""Seconds of quiet before a visit, and then a step that does not count."""


def main(program: str) -> None:
    """Answer until standard input ends."""
    # What a library prints goes to standard error: standard output carries answers and nothing else.
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        build = runpy.run_path(program)["build"]
        try:
            begun = time.perf_counter()
            step, versions = build(json.loads(sys.stdin.readline()))
            step()
        except NotImplementedError as reason:
            print(json.dumps({"missing": str(reason)}), file=answers)
            return
        print(json.dumps({"build": time.perf_counter() - begun, "versions": versions}), file=answers)
        for line in sys.stdin:
            # Threads of the program before may still be spinning, and its data fills the caches.
            time.sleep(SETTLE)
            step()
            print(json.dumps({"seconds": visit(step, int(line))}), file=answers)


def visit(step: Callable[[], Any], count: int) -> list[float]:
    """How long each of `count` steps takes; where they are made together, the mean."""
    together = getattr(step, "together", None)
    if together is not None:
        return [seconds(lambda: together(count)) / count] * count
    return [seconds(step) for _ in range(count)]


def seconds(step: Callable[[], Any]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1])
