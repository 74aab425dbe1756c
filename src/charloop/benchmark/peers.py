"""Programs to be timed: each a process, with an interpreter of its own if it brings `requirements.txt`."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charloop.benchmark import serve

OURS = "charloop"


@dataclass(frozen=True)
class Peer:
    """Where a program lies and what runs it."""

    name: str
    program: Path
    python: Path

    @property
    def installed(self) -> bool:
        """Whether its environment has been made."""
        return self.python.exists()


def find_peers(folder: Path, kind: str, ours: str) -> list[Peer]:
    """charloop's own program, the file `ours`, then every `folder/NAME/KIND.py` and `folder/NAME/KIND_MORE.py`.

    The latter are called `NAME_MORE`, and share what the folder asks for.
    """
    others = [
        Peer(program.parent.name + program.stem.removeprefix(kind), program, interpreter(program.parent))
        for pattern in (f"*/{kind}.py", f"*/{kind}_*.py")
        for program in folder.glob(pattern)
    ]
    ordered = sorted(others, key=lambda peer: peer.name)
    return [Peer(OURS, Path(ours), Path(sys.executable)), *ordered]


def interpreter(home: Path) -> Path:
    """The peer's own environment; this one for a peer that asks for nothing more."""
    if (home / "requirements.txt").exists():
        return home / ".venv" / "bin" / "python"
    return Path(sys.executable)


class Process:
    """One peer, built for one setting; `missing` says why it could not be."""

    def __init__(self, peer: Peer, setting: dict[str, Any]) -> None:
        self.name = peer.name
        self.missing: str | None = None if peer.installed else "not installed: make peers"
        self.about: dict[str, Any] = {}
        if self.missing:
            return
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self.process = subprocess.Popen(
            [peer.python, "-P", serve.__file__, peer.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
        )
        self.about = self.ask(json.dumps(setting))
        self.missing = self.about.get("missing")

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line, read the answer; a peer that died is a peer not measured."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return {"missing": self.last_words(), "seconds": []}
        found: dict[str, Any] = json.loads(answer)
        return found

    def last_words(self) -> str:
        """Of a peer that died: its exit code, and the last line it complained with."""
        code = self.process.wait()
        self.complaints.seek(0)
        lines = self.complaints.read().split("\n")
        return f"ended with exit code {code}: {next((line for line in reversed(lines) if line.strip()), '')}"

    def visit(self, steps: int) -> list[float]:
        """Seconds of each of `steps` training steps."""
        answer = self.ask(str(steps))
        self.missing = answer.get("missing")
        seconds: list[float] = answer["seconds"]
        return seconds

    def close(self) -> None:
        """Let it end."""
        if hasattr(self, "process"):
            self.process.communicate()
            self.complaints.close()
