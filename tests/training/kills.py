"""Real training processes, killed at random moments and resumed until they finish."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from charloop.checkpoint import load_tensors, write_atomically
from charloop.checkpoint.run_folder import encode_json
from charloop.config import RunConfig
from charloop.configfile import to_dict
from training.runs import Run, newest_checkpoint

PROGRAM = """
import sys
from pathlib import Path
from charloop.configfile import read_config
from charloop.training.events import Started
from charloop.training.run import resume, train

def tell(event):
    if isinstance(event, Started):
        print("started", flush=True)

config, folder = read_config(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
resume(folder, listener=tell) if (folder / "config.json").exists() else train(config, folder, listener=tell)
"""
BEFORE = 0.2
"""Share of the kills that fall before training starts: while the run is made, or found again."""


@dataclass
class Killer:
    """Trains in processes; each is killed, until one is quicker than its killer.

    Lives are by the clock, and their outcome is not: on a busy machine they get longer until there is progress.
    """

    config: Path
    chance: random.Random
    seconds: float = 0.0
    """Seconds from start to end of a process that is not killed."""
    ready: float = 0.0
    """How long it takes to get there."""
    life: float = 1.0
    """How much longer than planned the next process lives: ever longer until one gets further than the one before."""
    kills: int = 0
    died_at: list[str] = field(default_factory=list)
    """How far each process came: nothing, a run, a checkpoint."""

    @classmethod
    def of(cls, config: RunConfig, folder: Path, seed: int) -> "Killer":
        write_atomically(folder / "config.json", encode_json(to_dict(config)))
        return cls(folder / "config.json", random.Random(seed))

    def undisturbed(self, folder: Path) -> Run:
        """The run of a process that is not killed; it is timed."""
        process = self._process(folder)
        self.ready, began = self._until(process, "started"), time.monotonic()
        assert process.wait() == 0
        self.seconds = time.monotonic() - began
        assert process.stdout is not None
        process.stdout.close()
        return Run(folder)

    def enough(self, kills: int) -> bool:
        """Whether there were that many kills, not all at the same point, on any machine."""
        return self.kills >= kills and len(set(self.died_at)) > 1

    def until_finished(self, folder: Path, share: float, kills: int) -> Run:
        """Train in processes that live for up to a `share` of the run's time, until there are enough kills."""
        while not self.enough(kills) and self._killed(self._process(folder), share):
            self.kills += 1
            self.died_at.append(come_to(folder))
            self.life = 1.5 * self.life if self.died_at[-2:-1] == self.died_at[-1:] else 1.0
        if self.enough(kills):
            with self._process(folder) as last:
                assert last.wait() == 0
        return Run(folder)

    def _killed(self, process: subprocess.Popen[str], share: float) -> bool:
        """Whether the process had to be killed: False if it was finished before its time."""
        if self.chance.random() < BEFORE:
            self._until(process, "ready")
            pause = self.chance.uniform(0, self.ready)
        else:
            self._until(process, "started")
            pause = self.chance.uniform(0, share * self.seconds * self.life)
        try:
            assert process.wait(pause) == 0
            return False
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        finally:
            assert process.stdout is not None
            process.stdout.close()

    def _process(self, folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, str(self.config), str(folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _until(self, process: subprocess.Popen[str], word: str) -> float:
        """Seconds until the process has said so."""
        began = time.monotonic()
        assert process.stdout is not None
        while (line := process.stdout.readline()).strip() != word:
            assert line, "it ended early"
        return time.monotonic() - began


def come_to(folder: Path) -> str:
    """How far a run has come that was killed."""
    if not (folder / "config.json").exists():
        return "no run"
    return f"checkpoint {newest_checkpoint(folder).stem}"


def left_by(made: Run) -> dict[str, Any]:
    """All that a run leaves behind except times: the bytes of each file, the last state array by array.

    Earlier checkpoints are by the clock too.
    """
    facts = json.loads(load_tensors(newest_checkpoint(made.folder))[1]["facts"])
    return {
        "metrics": made.lines,
        "state": {name: value.tobytes() for name, value in made.state.items()},
        "journal": {
            name: value for name, value in facts.items() if name not in ("elapsed", "evaluation_seconds")
        },
        "files": {str(path.relative_to(made.folder)): path.read_bytes() for path in files_of(made.folder)},
    }


def files_of(folder: Path) -> list[Path]:
    """Those that should be the same to the last byte."""
    with_clock = (folder / "checkpoints", folder / "metrics.jsonl", folder / ".lock")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(path.is_relative_to(part) for part in with_clock)
    )


def differing(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Return in what two runs differ, briefly: an assertion would print everything."""
    found = [part for part in first if first[part] != second[part]]
    for part in ("state", "files"):
        names = first[part].keys() | second[part].keys()
        found += [f"{part}: {n}" for n in sorted(names) if first[part].get(n) != second[part].get(n)]
    steps = [(a, b) for a, b in zip(first["metrics"], second["metrics"], strict=False) if a != b]
    return found + [f"{a} is not {b}" for a, b in steps[:1]]


def lines_in_order(made: Run) -> bool:
    """Return whether each step is there once, in order."""
    steps = [line["step"] for line in made.lines if line["kind"] == "step"]
    return steps == list(np.arange(1, len(steps) + 1))
