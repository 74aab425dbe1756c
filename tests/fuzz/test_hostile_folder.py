"""A run from an attacker: opening it runs no code, and resuming it writes nowhere else."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.commands import SMALL_RUN
from fuzz.oracle import Case, examine
from fuzz.sandbox import Sandbox
from fuzz.worker import Worker

CODE = """
from dataclasses import dataclass
from pathlib import Path
from charloop import CELLS

Path({marker!r}).write_text("code was run")


@dataclass(frozen=True)
class Own(CELLS["lstm"]):
    pass
"""


def commands(sandbox: Sandbox) -> list[list[str]]:
    """Return all that can be done with a run without naming code."""
    run = str(sandbox.run)
    return [
        ["info", run],
        ["info", run, "--json"],
        ["info", run, "--toml"],
        ["sample", run, "--length", "5"],
        ["sample", run, "--length", "5", "--weights", "last"],
        ["eval", run],
        ["eval", run, "--text", "the fox"],
        ["verify", run],
        ["report", run, "--text", "the fox", "--overwrite"],
        ["train", "--resume", run, "--steps", "17", "--eval-every", "1", "--sample-every", "1"],
        ["train", str(sandbox.book), "--init-from", run, *SMALL_RUN, "--steps", "1", "--output", "new"],
        ["train", str(sandbox.book), "--config", f"{run}/config.json", "--steps", "1", "--output", "newer"],
    ]


WRITES = ("run", "work/new", "work/newer")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@pytest.fixture
def hostile(sandbox: Sandbox) -> Sandbox:
    """A run with code in it that writes a file outside."""
    code = CODE.format(marker=str(sandbox.outside / "code-was-run"))
    for folder in (sandbox.run, sandbox.work, sandbox.outside):
        (folder / "cell.py").write_text(code)
    for name in ("sitecustomize.py", "jax.py", "charloop.py", "lstm.py", "numpy.py"):
        (sandbox.run / name).write_text(code)
        (sandbox.work / name).write_text(code)
    return sandbox


CELLS = ("cell.py:Own", "{run}/cell.py:Own", "lstm")
MORE_CELLS = (
    *("./cell.py:Own", "../run/cell.py:Own", "../outside/cell.py:Own", "{outside}/cell.py:Own"),
    *("{run}/x/../cell.py:Own", "cell.py:", "~/cell.py:Own", "cell:Own"),
)


@pytest.mark.parametrize(
    "cell", [*CELLS, *(pytest.param(cell, marks=pytest.mark.slow) for cell in MORE_CELLS)]
)
def test_no_code_is_run(cell: str, hostile: Sandbox, worker: Worker) -> None:
    """Wherever the run says that its cell is, and whatever files lie in the run or the working directory."""
    named = cell.format(run=hostile.run, outside=hostile.outside)
    edit(hostile.run / "config.json", lambda values: values["model"].update(cell=named))
    for argv in commands(hostile):
        assert examine(worker, hostile, Case(argv, writes=WRITES, codes=(1,))) == ""
    assert not (hostile.outside / "code-was-run").exists()


def test_the_planted_code_is_code(hostile: Sandbox, worker: Worker) -> None:
    """Otherwise the test above would prove nothing: a person who names the file runs it."""
    edit(hostile.run / "config.json", lambda values: values["model"].update(cell="cell.py:Own"))
    argv = (
        ["info", str(hostile.run)],
        ["sample", str(hostile.run), "--cell", f"{hostile.run}/cell.py:Own", "--length", "3"],
    )
    outcomes = [worker.run(one, hostile.work) for one in argv]
    assert [outcome.code for outcome in outcomes] == [0, 0]
    assert (hostile.outside / "code-was-run").exists()


def entries(sandbox: Sandbox) -> list[str]:
    """Return every file and folder that a run of this release has, and those that it can still make."""
    here = [str(path.relative_to(sandbox.run)) for path in sandbox.run.rglob("*")]
    return sorted(
        {
            *here,
            "samples/step-0000017.txt",
            "checkpoints/step-000000017.safetensors",
            "baselines.json",
            "skipped.jsonl",
        }
    )


@pytest.mark.parametrize("all_commands", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_is_written_through_a_link(all_commands: bool, sandbox: Sandbox, worker: Worker) -> None:
    """Each part of the run in turn is a link to the outside: to the part itself, or to a file of another person."""
    names = entries(sandbox)
    assert {"metrics.jsonl", "skipped.jsonl", ".lock", "checkpoints", "samples", "config.json"} <= set(names)
    chosen = commands(sandbox) if all_commands else [one for one in commands(sandbox) if "--resume" in one]
    for name in names:
        for itself in (False, True):
            sandbox.reset()
            path = sandbox.run / name
            if path.is_dir() and not itself:
                continue
            target = sandbox.outside / ("moved" if itself else "victim.txt")
            if itself and path.exists():
                os.rename(path, target)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
            for argv in chosen:
                case = Case(argv, [f"{name} is a link to {target}"], writes=WRITES, codes=(1,))
                assert examine(worker, sandbox, case) == ""


@pytest.mark.parametrize(
    "source", ["/dev/zero", "/dev/urandom", "{box}/pipe", "{box}/link", "../outside/*", "\0", "\ud800"]
)
def test_a_run_does_not_choose_what_is_read_without_end(
    source: str, sandbox: Sandbox, worker: Worker
) -> None:
    os.mkfifo(sandbox.box / "pipe")
    (sandbox.box / "link").symlink_to("/dev/zero")
    os.mkfifo(sandbox.outside / "pipe")
    named = source.format(box=sandbox.box)
    edit(sandbox.run / "config.json", lambda values: values["data"].update(corpus=[named]))
    for argv in (
        ["eval", str(sandbox.run)],
        ["verify", str(sandbox.run)],
        ["train", "--resume", str(sandbox.run), "--steps", "17"],
    ):
        outcome = worker.run(argv, sandbox.work)
        assert outcome.code == 2
        assert examine(worker, sandbox, Case(argv)) == ""


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoints/step-000000016.safetensors"])
@pytest.mark.parametrize("rows", [2**38, 2**60])
def test_arrays_that_are_larger_than_any_memory(
    name: str, rows: int, sandbox: Sandbox, worker: Worker
) -> None:
    """The file has a hole and is as long as its header says, if the file system allows it."""
    header = json.dumps(
        {"readout.bias": {"dtype": "F32", "shape": [rows], "data_offsets": [0, 4 * rows]}}
    ).encode()
    path = sandbox.run / name
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    if rows < 2**40:
        os.truncate(path, 8 + len(header) + 4 * rows)
    for argv in commands(sandbox)[3:9]:
        assert examine(worker, sandbox, Case(argv, [name], writes=WRITES, codes=(1,))) == ""


def test_a_terminal_does_not_obey_a_run(sandbox: Sandbox, worker: Worker) -> None:
    """Control characters in what a run says of itself are shown, and have no effect."""
    edit(
        sandbox.run / "config.json",
        lambda values: values["text"].update(description="\x1b]0;mine\x07\x1b[2J"),
    )
    outcome = worker.run(["info", str(sandbox.run)], sandbox.work)
    assert outcome.code == 0
    assert "\ufffd]0;mine\ufffd\ufffd[2J" in outcome.out
    assert not set(outcome.out) & {"\x1b", "\x07"}
