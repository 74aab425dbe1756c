"""The process in which commands run: it reads one request per line, runs it, and answers with what was printed.

Started by `worker.py` as `python -m fuzz.server`. Standard error is caught twice: Python's, and what C++ writes.
"""

import importlib
import io
import json
import os
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")


def main() -> None:
    """Serve until there are no more requests."""
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    log = os.open("native.log", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for kind in (UserWarning, RuntimeWarning, SyntaxWarning):
        warnings.simplefilter("always", kind)
    for line in requests:
        reply = answer(json.loads(line))
        reply["native"] = os.pread(log, 1 << 16, 0).decode(errors="replace")
        os.ftruncate(log, 0)
        print(json.dumps(reply), file=replies, flush=True)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run a command, or set the limit for all later commands."""
    if "more_memory" in request:
        limit = memory("VmData") + request["more_memory"]
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        return {}
    os.chdir(request["cwd"])
    sys.stdin = io.TextIOWrapper(io.BytesIO(bytes.fromhex(request["stdin"])))
    # As charloop.cli.terminal.output.prepare leaves them in a program.
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in "oe")
    Path("/proc/self/clear_refs").write_text("5")
    before, begun = memory("VmRSS"), time.monotonic()
    code = run(request.get("function", "charloop.cli.main:main"), request["argv"])
    seconds, grown = time.monotonic() - begun, memory("VmHWM") - before
    return {
        "code": code,
        "out": written(sys.stdout),
        "err": written(sys.stderr),
        "seconds": seconds,
        "grown": grown,
    }


def run(function: str, argv: list[str]) -> int:
    """Return the exit status that a program would have had."""
    module, _, name = function.partition(":")
    try:
        return int(getattr(importlib.import_module(module), name)(argv) or 0)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "backslashreplace")


def memory(name: str) -> int:
    """Return the bytes that this process has, as the system counts them."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) << 10


if __name__ == "__main__":
    main()
