"""Commands in another process, which is killed if one takes too long, and restarted when it has died."""

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
MORE_MEMORY = 2 << 30
"""Bytes that a command can allocate; the oracle allows far less."""
PATIENCE = 60
"""Seconds after which a command counts as hanging: a hundred times what the slowest takes."""


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and what it used.

    `code` is None if it hung, negative if the process died.
    """

    code: int | None
    out: str = ""
    err: str = ""
    native: str = ""
    """What was written to standard output or error without Python."""
    seconds: float = 0.0
    grown: int = 0
    """Bytes of memory at the peak beyond those before the command."""


class Worker:
    """A context manager. `folder` is for the process itself: its cache and its temporary files."""

    def __init__(self, folder: Path, patience: int = PATIENCE) -> None:
        self.folder, self.patience = folder, patience
        self.process: subprocess.Popen[str] | None = None
        self.limit: int | None = None
        self.starts = 0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, argv: Sequence[str], cwd: Path, stdin: bytes = b"", function: str | None = None) -> Outcome:
        """Run `charloop ARGV` in `cwd`, or `function`, given as module:name, with the same arguments."""
        request: dict[str, Any] = {"argv": list(argv), "cwd": str(cwd), "stdin": stdin.hex()}
        return self.ask(request | ({"function": function} if function else {}))

    def bound(self) -> None:
        """Limit the memory of each command to this much more than the process has now."""
        self.limit = MORE_MEMORY
        self.ask({"more_memory": MORE_MEMORY})

    def ask(self, request: dict[str, Any]) -> Outcome:
        process = self.process or self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        # One second at a time: when the whole machine is suspended, at most one of them passes.
        waits = (select.select([process.stdout], [], [], 1.0)[0] for _ in range(self.patience))
        ready = next(filter(None, waits), [])
        line = process.stdout.readline() if ready else ""
        if line:
            return Outcome(**{"code": 0} | json.loads(line))
        if not ready:
            process.kill()
        code, native = process.wait(), (self.folder / "native.log").read_text(errors="replace")
        self.stop()
        return Outcome(code if ready else None, native=native)

    def start(self) -> subprocess.Popen[str]:
        """Start a process with the memory limit of the one before it."""
        self.folder.mkdir(exist_ok=True)
        environment = os.environ | {
            "PYTHONPATH": str(TESTS),
            "TMPDIR": str(self.folder),
            "CHARLOOP_CACHE": str(self.folder / "cache"),
            "COLUMNS": "100",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        command = [sys.executable, "-m", "fuzz.server"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=environment,
        )
        self.starts += 1
        if self.limit:
            self.ask({"argv": [], "cwd": str(self.folder), "stdin": "", "function": "fuzz.warmth:import_all"})
            self.bound()
        return self.process

    def stop(self) -> None:
        """End the process if there is one."""
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
