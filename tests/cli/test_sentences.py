"""The most important sentences of the program, word for word; other tests look at errors' fields, or a few words."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from charloop.cli.terminal.training_screen import TrainingScreen
from charloop.config import RunConfig
from charloop.configfile import from_dict
from charloop.errors import CharloopError, unknown_name
from charloop.training.events import INTERRUPTED, USED_UP, Finished, Stepped
from charloop.training.metrics import StepRecord
from cli.commands import call, refused
from cli.test_screen import SCORE, STARTED

REFUSED = {
    ("trian", "x"): "did you mean 'train'? see charloop --help",
    ("train",): "no text to train on; give a file, a folder or a corpus: charloop train shakespeare",
    (
        "train",
        "book.txt",
        "--hiden-size",
        "3",
    ): "unknown flag: got '--hiden-size'; did you mean --hidden-size?",
    ("train", "book.txt", "--hidden-size", "0"): "--hidden-size: got 0; allowed: a whole number >= 1",
    ("train", "book.txt", "--hidden-size"): "--hidden-size needs a value; see charloop train --help",
    ("compare", "book.txt"): (
        "book.txt is a file, not a run; to compare runs on it, give it by --text-file;"
        " to train on it: charloop sweep TEXT --cells lstm,gru"
    ),
    ("compare", "a"): "nothing to compare: got 1; allowed: 2 runs or more; name two runs' folders",
    ("sweep", "book.txt"): (
        "no cells to train; name them: charloop sweep book.txt --cells lstm,gru;"
        " or the settings that vary: --space FILE"
    ),
}


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_what_is_refused(command: tuple[str, ...]) -> None:
    Path("book.txt").write_text("text")
    assert refused(call(*command)).endswith(REFUSED[command])


def shown(*events: object) -> list[str]:
    """What the training screen writes into a pipe."""
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, highlight=False, color_system=None)
    with TrainingScreen(console) as screen:
        for event in events:
            screen(event)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_run_that_ends() -> None:
    assert shown(Finished(USED_UP, 1000, SCORE, 900, 61.0, skipped=2))[-3:] == [
        "done     the budget is used up after 1,000 steps, 1:01",
        "best     validation 1.386 nats = 2.000 bits per character, at step 900",
        "skipped  2 updates discarded; skipped.jsonl in the run has their text",
    ]


def test_a_run_that_is_stopped_and_resumed() -> None:
    assert "stopped  after 1,000 steps, 1:01; everything is saved" in shown(
        Finished(INTERRUPTED, 1000, None, 0, 61.0)
    )
    assert "resume   continues after step 1,000" in shown(replace(STARTED, resumed_at=1000))


def test_an_update_that_is_discarded() -> None:
    step = StepRecord(step=7, epoch=0.1, loss=2.5, gradient_norm=90.0, learning_rate=1e-3, skipped="a spike")
    assert shown(Stepped([step], 0.1, 1.0))[0] == (
        "skipped  step 7: a spike; update discarded, learning rate halved for a while"
    )


def test_errors_say_what_was_got_what_is_allowed_and_what_to_do() -> None:
    error = unknown_name("cell", "lsmt", ["lstm", "gru"])
    assert str(error) == "unknown cell: got 'lsmt'; allowed: gru, lstm; did you mean 'lstm'?"
    assert str(error.of("runs/book")) == "runs/book: " + str(error)
    with pytest.raises(CharloopError) as found:
        from_dict({"data": {"hidden_size": 3}}, RunConfig())
    assert (found.value.what, found.value.do) == ("hidden_size is not in [data]", "move it to [model]")
