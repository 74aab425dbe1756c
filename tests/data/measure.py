"""The memory use of a process, read from outside of it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Peak:
    """Peak sizes in bytes: memory of its own, of mapped files, and the sum."""

    own: int
    mapped: int
    both: int
    output: str


def watch(command: Sequence[str], pause: float = 0.02, **options: Any) -> Peak:
    """Run `command`, which must succeed, and poll /proc/PID/status; return the peak sizes."""
    own = mapped = both = 0
    with tempfile.TemporaryFile("w+") as screen:
        process = subprocess.Popen(command, stdout=screen, stderr=subprocess.STDOUT, **options)
        while process.poll() is None:
            now = status(process.pid)
            own, mapped = max(own, now.get("RssAnon", 0)), max(mapped, now.get("RssFile", 0))
            both = max(both, now.get("VmHWM", 0))
            time.sleep(pause)
        screen.seek(0)
        output = screen.read()
    assert process.returncode == 0, output
    return Peak(own, mapped, both, output)


def status(process: int) -> dict[str, int]:
    """Return the sizes in /proc/PID/status, in bytes; none for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def python(program: str, *arguments: str) -> list[str]:
    """Return the command that runs `program`."""
    return [sys.executable, "-c", program, *arguments]
