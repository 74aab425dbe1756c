"""Real processes, killed or asked to stop: their runs continue."""

import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from charloop.checkpoint import RunFolder, write_atomically
from charloop.checkpoint.run_folder import encode_json
from charloop.configfile import to_dict
from charloop.trained import load
from charloop.training.events import INTERRUPTED, Event, Finished, Started, Stepped, Stopping
from charloop.training.interrupt import catch_interrupts
from training.kills import differing, left_by, lines_in_order
from training.runs import Run, assert_identical, at_step, configure, resume_recorded, run

PROGRAM = """
import sys
from pathlib import Path
from charloop.configfile import read_config
from charloop.training.run import train
train(read_config(Path(sys.argv[1])), sys.argv[2], catch_signals=True)
"""


@pytest.fixture
def process(tmp_path: Path, text: Path):
    """A process that trains in `tmp_path/run` without end."""
    config = configure(text, steps=10**6, eval_every=10)
    write_atomically(tmp_path / "config.json", encode_json(to_dict(config)))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "config.json"), str(tmp_path / "run")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield started
    started.kill()
    started.communicate()


def saved_later(path: Path) -> bool:
    """Whether there is a checkpoint of training."""
    checkpoints = path / "checkpoints"
    return checkpoints.is_dir() and any(
        path.name > "step-000000000.safetensors" for path in checkpoints.iterdir()
    )


def wait_until(path: Path, process: subprocess.Popen) -> None:
    """Wait until the run has a checkpoint and has continued after it."""
    while not saved_later(path):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    size = (path / "metrics.jsonl").stat().st_size
    while (path / "metrics.jsonl").stat().st_size == size:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def finish(folder: Path, text: Path) -> Run:
    """Resume the run up to the next evaluation."""
    step = int(RunFolder.open(folder).checkpoints.newest()[0]["step"])
    made = resume_recorded(folder, configure(text, steps=step - step % 10 + 20, eval_every=10))
    assert [line["step"] for line in made.lines if line["kind"] == "step"] == list(
        range(1, made.finished.step + 1)
    )
    return made


@pytest.mark.slow
def test_a_run_that_was_killed_continues_from_its_last_checkpoint(
    tmp_path: Path, text: Path, process: subprocess.Popen
) -> None:
    wait_until(tmp_path / "run", process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    made = finish(tmp_path / "run", text)
    whole = run(tmp_path / "whole", configure(text, steps=made.finished.step, eval_every=10))
    assert differing(left_by(made), left_by(whole)) == []
    assert lines_in_order(made)


def test_a_run_that_is_asked_to_stop_saves_and_ends_cleanly(
    tmp_path: Path, text: Path, process: subprocess.Popen
) -> None:
    wait_until(tmp_path / "run", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    lines = [line["step"] for line in Run(tmp_path / "run").lines]
    made = finish(tmp_path / "run", text)
    assert made.started.resumed_at == max(lines)
    assert load(tmp_path / "run", weights="last").facts["evaluations"] >= 2


def test_a_second_ctrl_c_is_obeyed_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), catch_interrupts() as interrupt:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_listener_hears_of_a_request_to_stop_once_and_between_events(tmp_path: Path, text: Path) -> None:
    """Never within the signal handler, which may interrupt anything, the listener too."""
    said, busy = [], []

    def watch(event: Event) -> None:
        assert not busy, "called while it was at work"
        busy.append(event)
        if isinstance(event, Stopping):
            said.append([frame.function for frame in inspect.stack()])
        at_step(5, lambda: os.kill(os.getpid(), signal.SIGINT))(event)
        busy.clear()

    made = run(tmp_path / "run", configure(text, steps=40), watch)
    assert len(said) == 1
    assert not {"request", "default_int_handler"} & set(said[0])
    assert made.finished.reason == INTERRUPTED
    kinds = [type(event) for event in made.events]
    assert kinds.index(Stopping) < kinds.index(Finished)


def test_a_program_keeps_its_signals_unless_it_gives_them(tmp_path: Path, text: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    seen: dict[bool, set[bool]] = {}
    for catch in (False, True):

        def watch(event: Event, catch: bool = catch) -> None:
            if isinstance(event, Stepped):
                now = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
                seen.setdefault(catch, set()).add(now == before)

        run(tmp_path / f"{catch}", configure(text), watch, catch_signals=catch)
    assert seen == {False: {True}, True: {False}}
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_ctrl_c_raised_in_a_program_leaves_the_last_checkpoint(tmp_path: Path, text: Path) -> None:
    config = configure(text, steps=40, save_every=3)
    # A shell that runs the tests in the background makes them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(
                tmp_path / "run",
                config,
                at_step(10, lambda: signal.raise_signal(signal.SIGINT)),
                catch_signals=False,
            )
    finally:
        signal.signal(signal.SIGINT, before)
    made = resume_recorded(tmp_path / "run")
    whole = run(tmp_path / "whole", config)
    assert_identical(made.state, whole.state)


@pytest.mark.parametrize("catch", [False, True])
def test_a_run_trains_in_a_thread_other_than_the_main_one(tmp_path: Path, text: Path, catch: bool) -> None:
    made: list[Run] = []

    def work() -> None:
        made.append(run(tmp_path / "run", configure(text), catch_signals=catch))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert made[0].heard(Started)
    assert made[0].finished.step == 12
