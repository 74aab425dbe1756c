"""What is on the screen while a network trains: on a terminal of 80 columns, on a wide one, and down a pipe."""

import contextlib
import io
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from charloop.baselines import Baseline, Baselines
from charloop.baselines.wording import rank_sentence
from charloop.cli.main import main
from charloop.cli.terminal.bar import LastingConsole
from charloop.cli.terminal.curve import ROWS
from charloop.cli.terminal.output import CONTROL, TextWriter, prepare, print_text, visible
from charloop.cli.terminal.training_screen import TrainingScreen
from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from charloop.evaluation import Score
from charloop.progress import Progress
from charloop.training.events import (
    Evaluated,
    Finished,
    Measured,
    Noted,
    Sampled,
    Started,
    Stepped,
    Stopping,
)
from charloop.training.metrics import StepRecord
from charloop.wording import clock, entry, number_of
from cli.commands import BRIEF, Outcome, call, done, program

STARTED = Started(
    folder=Path("runs/[bold]book"),
    config=RunConfig(DataConfig(batch_size=1, seq_length=1500), ModelConfig()),
    description="book [red].txt",
    notes=["normalised 3 CRLF line ends to LF"],
    split=(900_000, 90_000, 10_000),
    content_hash="0123456789abcdef" * 4,
    vocab_size=65,
    parameters=1_234_567,
    devices=2,
    chunks_per_epoch=1,
    resumed_at=0,
)
SCORE = Score(nats=2000 * math.log(2), characters=1000)
NAMES = ("uniform", "unigram", "2-gram", "3-gram", "4-gram", "5-gram", "6-gram", "bz2", "xz")
BASELINES = Baselines(
    tuple(Baseline(name, (10.5 - i) * math.log(2)) for i, name in enumerate(NAMES)),
    900_000,
    4000,
    90_000,
    1000,
)
"""10.5 bits per character, 9.5, ..., 2.5."""


def stepped(number: int, progress: float) -> Stepped:
    return Stepped([StepRecord(number, number / 100, 2.5, 1.0, 1e-3)], progress, elapsed=35_000.0 * progress)


def console(width: int = 80, *, terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=terminal, force_interactive=terminal, soft_wrap=True,
        highlight=False, color_system="standard" if terminal else None,
    )  # fmt: skip


def written(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that advances by a thousandth of a second each time it is read."""
    now = [0.0]

    def look() -> float:
        now[0] += 1e-3
        return now[0]

    monkeypatch.setattr("time.monotonic", look)
    return now


class Terminal(io.StringIO):
    """It says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [80, 160])
def test_the_bar_stays_on_one_line(width: int, clocked: list[float]) -> None:
    target = console(width, terminal=True)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        for number in range(1, 9):
            screen(stepped(number, 0.05 * number))
        bar = Console(file=io.StringIO(), width=width, force_terminal=False)
        bar.print(screen.progress.get_renderable())
    assert clocked[0] > 0
    *curve, line = written(bar).rstrip("\n").split("\n")
    assert len(curve) == ROWS
    assert all(len(row) <= width for row in curve)
    assert re.search(
        r"━ +loss 2\.500 · 3\.607 bits/char · 1,\d\d\d,\d\d\d chars/s · 5:50:00 left$", line.rstrip()
    )


def test_a_terminal_is_left_as_it_was_found() -> None:
    target = console(terminal=True)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        screen(stepped(1, 0.5))
    out = written(target)
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h") > 0, "the cursor comes back"
    assert "compiling the first step" not in out.rpartition("\x1b[2K")[2]


def test_a_request_to_stop_is_answered_at_once() -> None:
    target = console(terminal=True)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        screen(stepped(1, 0.5))
        screen(Stopping())
        screen(stepped(2, 0.6))
        bar = Console(file=io.StringIO(), width=80, force_terminal=False)
        bar.print(screen.progress.get_renderable())
    assert re.search("━ +stopping: .*Ctrl-C again", written(bar))
    assert written(bar).count("\n") == ROWS + 1


def test_names_are_not_markup() -> None:
    target = console(terminal=False)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        screen(Sampled(8, [(0.5, "\n[/bold] and [red]\\\n\n")]))
    out = written(target)
    assert "text     book [red].txt, 1,000,000 characters, 65 distinct\n" in out
    assert "run      runs/[bold]book\n" in out
    assert "\nstep 8, temperature 0.5\n[/bold] and [red]\\\n" in out


def test_a_pipe_gets_plain_lines() -> None:
    target = console(terminal=False)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        screen(stepped(1, 0.5))
        screen(Evaluated(1, SCORE, True, 61.0))
        screen(Evaluated(1234567, SCORE, False, 3661.0))
        screen(Finished("the budget is used up", 1234567, SCORE, 1, 3661.0))
    out = written(target)
    assert "\x1b" not in out
    assert "\r" not in out
    assert (
        out
        == """\
model    lstm, 2 x 128, 1,234,567 parameters, 2 devices
text     book [red].txt, 1,000,000 characters, 65 distinct
         sha256 0123456789abcdef
split    900,000 to train on, 90,000 to validate, 10,000 to test
step     1 batch row x 1,500 characters, 1 step an epoch
run      runs/[bold]book
note     normalised 3 CRLF line ends to LF

     step  epoch  train    val bits/char   chars/s     time beats by bits
        1   0.01  2.500  1.386     2.000               1:01               best
1,234,567   0.01  2.500  1.386     2.000            1:01:01

done     the budget is used up after 1,234,567 steps, 1:01:01
best     validation 1.386 nats = 2.000 bits per character, at step 1
"""
    )


@pytest.mark.parametrize("width", [60, 80, 89, 90])
def test_an_average_is_marked_in_rows_that_fit(width: int) -> None:
    """Of the averaged weights: the best, and a row that is not."""
    config = replace(STARTED.config, training=replace(STARTED.config.training, average_decay=0.9))
    target = console(width, terminal=True)
    with TrainingScreen(target) as screen:
        screen(replace(STARTED, config=config))
        screen(Measured(BASELINES))
        screen(stepped(1234567, 0.5))
        screen(Evaluated(1234567, SCORE, True, 36610.0, is_averaged=True))
        screen(Evaluated(1234568, SCORE, False, 36611.0, is_averaged=True))
        screen(Finished("the budget is used up", 1234568, SCORE, 1234567, 1.0, best_is_averaged=True))
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written(target)).splitlines()
    rows = [line for line in lines if line.startswith("1,234,56")]
    assert rows[0].endswith(" best, average")
    assert re.search(r"[^,] average$", rows[1])
    assert max(map(len, rows)) <= width
    assert ("chars/s" in "".join(lines)) == (width >= 90)
    assert "at step 1,234,567, averaged weights" in " ".join(" ".join(lines).split())


def test_how_losses_rank() -> None:
    target = console(terminal=False)
    with TrainingScreen(target) as screen:
        screen(stepped(1, 0.5))
        screen(Evaluated(1, SCORE, True, 61.0))
        screen(Measured(BASELINES))
        for bits in (11.0, 10.0, 5.61, 2.0):
            score = Score(nats=bits * 1000 * math.log(2), characters=1000)
            screen(Evaluated(1234567, score, True, 36610.0))
        screen(Noted("raise [bold]this[/bold]"))
        screen(Finished("the budget is used up", 1234567, SCORE, 1, 3661.0))
    out = written(target)
    assert (
        out
        == """\

     step  epoch  train    val bits/char   chars/s     time beats by bits
        1   0.01  2.500  1.386     2.000               1:01               best
compare  uniform 10.50  unigram 9.50  2-gram 8.50  3-gram 7.50  4-gram 6.50
         5-gram 5.50  6-gram 4.50  bz2 3.50  xz 2.50  bits/char
note     baselines learn from the last 4,000 characters, and predict the first 1,000
1,234,567   0.01  2.500  7.625    11.000           10:10:10 -             best
1,234,567   0.01  2.500  6.931    10.000           10:10:10 uniform 0.50  best
1,234,567   0.01  2.500  3.889     5.610           10:10:10 4-gram 0.89   best
1,234,567   0.01  2.500  1.386     2.000           10:10:10 xz 0.50       best
note     raise [bold]this[/bold]

done     the budget is used up after 1,234,567 steps, 1:01:01
best     validation 1.386 nats = 2.000 bits per character, at step 1
rank     better than xz by 0.50 bits
"""
    )
    assert max(len(line) for line in out.splitlines() if "best" in line or "step" in line) <= 80


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_note_is_wrapped_on_a_terminal_and_whole_down_a_pipe(terminal: bool) -> None:
    target = console(terminal=terminal)
    with TrainingScreen(target) as screen:
        screen(Noted("word " * 30 + "end"))
    shown = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", written(target))
    assert ("word " * 30 + "end" in shown) is not terminal
    assert ("\n         word " in shown) is terminal
    assert (max(map(len, shown.replace("\r", "\n").split("\n"))) <= 80) is terminal


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        (11, "worse than chance by 0.50 bits"),
        (10, "better than chance by 0.50 bits, short of the unigram by 0.50"),
        (9, "better than the unigram by 0.50 bits, short of a 2-gram by 0.50"),
        (3, "better than bz2 by 0.50 bits, short of xz by 0.50"),
        (1, "better than xz by 1.50 bits"),
    ],
)
def test_a_rank_in_words(bits: float, said: str) -> None:
    assert rank_sentence(BASELINES.rank(bits * math.log(2))) == said


def test_without_a_bar_a_row_is_printed_after_a_long_silence(clocked: list[float]) -> None:
    for terminal in (True, False):
        target = console(terminal=terminal)
        with TrainingScreen(target) as screen:
            screen(STARTED)
            screen(stepped(1, 0.1))
            assert not re.search(r"^ +1 +0\.01", written(target), re.MULTILINE)
            clocked[0] += 31
            screen(stepped(2, 0.2))
        assert bool(re.search(r"^ +2 +0\.02 +2\.500 +[\d,]+ ", written(target), re.MULTILINE)) is not terminal


def test_the_reading_of_a_long_text_is_seen(clocked: list[float]) -> None:
    """On a terminal as a bar with speed and time left; down a pipe as a line now and then."""
    words = r"reading: 2,500 of 10,000 MB · 2\d\d MB/s · 0:3\d left"
    for terminal in (True, False):
        target = console(terminal=terminal)
        with TrainingScreen(target) as screen:
            screen(Progress("reading", 10**9, 10**10))
            assert "MB" not in written(target) or terminal
            clocked[0] += 10
            screen(Progress("reading", 25 * 10**8, 10**10))
            bar = Console(file=io.StringIO(), width=80, force_terminal=False)
            bar.print(screen.progress.get_renderable())
            clocked[0] += 25
            screen(Progress("sorting", 10**9, 10**10))
            screen(STARTED)
        if terminal:
            assert re.search(rf"━.* {words} *\n$", written(bar))
        else:
            assert written(target).startswith("text     sorting: 1,000 of 10,000 MB\nmodel ")


def test_a_part_of_the_validation_text_is_called_a_part() -> None:
    few = replace(STARTED.config, training=TrainingConfig(validation_limit=1000))
    target = console(terminal=False)
    with TrainingScreen(target) as screen:
        screen(replace(STARTED, config=few))
        screen(Finished("the budget is used up", 9, SCORE, 1, 3661.0))
    assert (
        "90,000 to validate (1,000 of them at each evaluation, spread evenly), 10,000 to test\n"
        in written(target)
    )
    assert written(target).endswith(", at step 1, on 1,000 of 90,000 characters\n")


def test_other_endings() -> None:
    def ending(started: Started, finished: Finished) -> str:
        target = console(terminal=False)
        with TrainingScreen(target) as screen:
            screen(started)
            screen(finished)
        assert screen.interrupted is (finished.reason == "interrupted")
        assert "bits/char" not in written(target), "no table without rows"
        return written(target).rpartition("\n\n")[2]

    assert ending(STARTED, Finished("interrupted", 1, None, 0, 5.0)) == (
        "stopped  after 1 step, 0:05; everything is saved\n"
    )
    assert ending(replace(STARTED, resumed_at=9), Finished("the budget is used up", 9, None, 0, 5.0)) == (
        "done     the budget is used up, after 9 steps, 0:05: give a longer one, such as --minutes 10\n"
    )
    patience = Finished("no better for 3 evaluations", 9, None, 0, 5.0)
    assert ending(replace(STARTED, resumed_at=9), patience) == (
        "done     no better for 3 evaluations, after 9 steps, 0:05: give a larger --patience, or 0\n"
    )


def test_two_calls_that_end_together_tell_no_speed() -> None:
    """The first row after a resume: the call before the evaluation is waited for with the one before."""
    target = console(terminal=False)
    with TrainingScreen(target) as screen:
        screen(STARTED)
        for number in (1, 2):
            screen(stepped(number, 0.1))
        screen(Evaluated(2, SCORE, True, 1.0))
        early = written(target).splitlines()[-1]
        for number in (3, 4):
            screen(stepped(number, 0.1))
        screen(Evaluated(4, SCORE, True, 1.0))
    late = written(target).splitlines()[-1]
    assert not re.search(r"\d,\d{3}", early)
    assert re.search(r"\d,\d{3}", late)


def test_control_characters_never_reach_a_terminal(binary: tuple[Path, Outcome]) -> None:
    run, training = binary
    assert not CONTROL.search(done(training))
    flags = ("sample", str(run), "--length", "2000")
    assert CONTROL.search(done(call(*flags))), "a file gets it as it is"
    with contextlib.redirect_stdout(Terminal()) as screen:
        main(flags)
        print_text("\a", ["\x1b[2J"], writer=TextWriter())
    assert not CONTROL.search(screen.getvalue())
    assert screen.getvalue().endswith("\ufffd\ufffd[2J\n")


def test_output_that_cannot_be_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    prepare()
    print("é\udcff", flush=True)
    assert raw.getvalue() == b"\\xe9\\udcff\n"


@pytest.mark.slow
def test_files_and_pipes_get_utf8_whatever_the_locale(tmp_path: Path) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"} | locale
    (tmp_path / "poem.txt").write_text("床前明月光\n" * 90, encoding="utf-8")
    done(call("train", "poem.txt", *BRIEF, "--output", "run"))
    with open("out.txt", "wb") as out:
        flags = ("run", "--length", "9", "--prompt-file", "-", "--context", "poem.txt")
        command = program("sample", *flags)
        subprocess.run(command, input="明月".encode(), stdout=out, check=True, env=environment)
    assert Path("out.txt").read_text(encoding="utf-8").startswith("明月")


def test_a_pipe_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, end = os.pipe()
    os.close(pipe)
    with open(end, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        target = LastingConsole()
        target.print("row")
        target.print("row")
    assert target.quiet


def test_words() -> None:
    assert [clock(s) for s in (0.0, 59.9, 60.0, 3599.0, 3600.0, 360_000.0)] == [
        "0:00",
        "0:59",
        "1:00",
        "59:59",
        "1:00:00",
        "100:00:00",
    ]
    assert [number_of(n, "step") for n in (0, 1, 2, 1000, 0.5, 3.0)] == [
        "0 steps", "1 step", "2 steps", "1,000 steps", "0.5 steps", "3 steps"
    ]  # fmt: skip
    assert visible("a\tb\n\x1b[31m\x00\r\x9b") == "a\tb\n\ufffd[31m\ufffd\ufffd\ufffd"


def test_an_entry_is_wrapped_under_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert entry("name", "word " * 12 + "--a-flag", 8) == (
        "name    word word word word word word word word word word\n        word word --a-flag"
    )
    assert entry("", "one\N{NO-BREAK SPACE}two", 4) == "    one two"
