"""Programs to be timed: each runs in a process, with its own interpreter if its folder has `requirements.txt`."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import serve

OURS = "charloop"
PEERS = Path(__file__).with_name("peers")


@dataclass(frozen=True)
class Program:
    """A file that defines `build`, and the interpreter that runs it."""

    name: str
    file: Path
    python: Path


def find_programs(kind: str, folder: Path = PEERS, chosen: Sequence[str] = ()) -> list[Program]:
    """Return the programs `folder/NAME/KIND.py` and `folder/NAME/KIND_MORE.py`, charloop first, the others by name.

    The latter are called `NAME_MORE` and share the interpreter of their folder. If names are `chosen`, only they
    and charloop are returned; a name that does not exist ends the script.
    """
    found = {
        file.parent.name + file.stem.removeprefix(kind): file
        for pattern in (f"*/{kind}.py", f"*/{kind}_*.py")
        for file in folder.glob(pattern)
    }
    for name in set(chosen) - found.keys():
        raise SystemExit(f"no program {name} in {folder}; there are: {', '.join(sorted(found))}")
    names = sorted(set(chosen or found) | {OURS} & found.keys(), key=lambda name: (name != OURS, name))
    return [Program(name, found[name], find_interpreter(found[name].parent)) for name in names]


def find_interpreter(folder: Path) -> Path:
    """Return the interpreter of the folder's environment, or this one if the folder has no `requirements.txt`."""
    if (folder / "requirements.txt").exists():
        return folder / ".venv" / "bin" / "python"
    return Path(sys.executable)


class Process:
    """A running program, built for one setting. `missing` says why it could not be built, or why it ended."""

    def __init__(self, program: Program, setting: Mapping[str, Any]) -> None:
        self.name = program.name
        self.missing: str | None = None if program.python.exists() else "not installed: make peers"
        self.about: dict[str, Any] = {}
        if self.missing:
            return
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self.process = subprocess.Popen(
            [program.python, "-P", serve.__file__, program.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.about = self.ask(json.dumps(setting))
        self.missing = self.about.get("missing")

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer. A process that ended answers why it is missing."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        found: dict[str, Any] = (
            json.loads(answer) if answer else {"missing": self.describe_end(), "seconds": []}
        )
        return found

    def describe_end(self) -> str:
        """Return the exit code of a process that ended, and its last error line."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = [line for line in self.errors.read().split("\n") if line.strip()]
        return f"ended with exit code {code}: {lines[-1] if lines else ''}"

    def time_steps(self, count: int) -> list[float]:
        """Return the seconds of each of `count` steps."""
        answer = self.ask(str(count))
        self.missing = answer.get("missing")
        seconds: list[float] = answer["seconds"]
        return seconds

    def close(self) -> None:
        """Close its input, which ends it, and wait."""
        if hasattr(self, "process"):
            self.process.communicate()
            self.errors.close()
