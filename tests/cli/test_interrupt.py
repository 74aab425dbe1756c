"""Ctrl-C during training: the run is saved, the screen says so, the status is 130, and resuming works."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest

from charloop.cli.preparation import delaying_interrupts
from choosing import slow
from cli.commands import ENDLESS, Outcome, call, done, process, program


def started(*arguments: str) -> subprocess.Popen[str]:
    """`charloop ARGUMENTS`, running; Ctrl-C reaches it even where the tests' own shell ignores it."""
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return subprocess.Popen(
        program(*arguments, first=listening), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def read_until(running: subprocess.Popen[str], found: str) -> str:
    """What it writes up to the line that has `found` in it: rows come as they happen."""
    assert running.stdout
    deadline = threading.Timer(240, running.kill)
    deadline.start()
    read = ""
    for line in running.stdout:
        read += line
        if found in line:
            deadline.cancel()
            return read
    raise AssertionError(f"it ended before {found!r}: {read}")


@pytest.mark.parametrize("number", [signal.SIGINT, slow(signal.SIGTERM)])
def test_a_signal_during_training_saves_the_run(number: int, book: Path) -> None:
    with started(
        "train",
        str(book),
        *ENDLESS,
        "--minutes",
        "60",
        "--eval-every",
        "40",
        "--sample-every",
        "0",
        "--output",
        "run",
    ) as running:
        read_until(running, "best")
        running.send_signal(number)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (130, "")
    assert out.endswith("\nresume:  charloop train --resume run\n")
    ending = next(line for line in out.splitlines() if line.startswith("stopped"))
    step = int(ending.split()[2].replace(",", ""))
    assert ending.endswith("; everything is saved")
    assert "temperature" not in out, "who is in a hurry waits for no samples"

    done(call("sample", "run", "--length", "20"))
    again = done(call("train", "--resume", "run", "--steps", str(step + 8)))
    assert f"resume   continues after step {step:,}\n" in again
    assert f"after {step + 8:,} steps" in again


def test_ctrl_c_before_there_is_anything_to_save(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert call("train", "book.txt") == Outcome(130, "", "\n")
    assert list(tmp_path.iterdir()) == []


LOST = """
import gc, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
def lose(*_):
    if sys.unraisablehook is not sys.__unraisablehook__:
        gc.callbacks.remove(lose)
        signal.raise_signal(signal.SIGINT)
gc.callbacks.append(lose)
"""
"""Python in which Ctrl-C comes during the first collection of garbage after the program has begun."""


def test_an_interrupt_that_python_cannot_raise_is_not_lost(trained: Path) -> None:
    made = process("export", str(trained), "--to", "numpy", "-o", "made.py", first=LOST)
    assert (made.code, made.out, made.err) == (130, "", "\n")
    assert not Path("made.py").exists()


def test_an_interrupt_during_an_import_waits_for_its_end() -> None:
    before, ended = signal.signal(signal.SIGINT, signal.default_int_handler), list[None]()
    try:
        with pytest.raises(KeyboardInterrupt), delaying_interrupts():
            ended.extend([signal.raise_signal(signal.SIGINT)])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [None]
