"""In a notebook, training and reading show one line that is replaced; elsewhere they show nothing."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from charloop import DataConfig, RunConfig, Score, TrainingConfig, load_corpus, notebook
from charloop.notebook import NotebookLine, ReadingLine, is_in_notebook
from charloop.progress import Progress
from charloop.training.events import INTERRUPTED, Evaluated, Finished, Started, Stepped, ignore
from charloop.training.metrics import StepRecord
from charloop.training.progress import TrainingLine, find_listener

nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")

TRAIN = """
from charloop import DataConfig, ModelConfig, RunConfig, TrainingConfig, train
config = RunConfig(
    DataConfig(batch_size=4, seq_length=16),
    ModelConfig("rnn", num_layers=1, hidden_size=8, unroll="scan"),
    TrainingConfig(steps=40, eval_every=40, sample_every=0),
)
run = train(config, "run", text="the quick brown fox jumps over the lazy dog " * 60)
"""
READ = """
import charloop.progress
charloop.progress.PAUSE_SECONDS = 0
from charloop import load_corpus
open("a.txt", "w").write("the quick brown fox\\n" * 50_000)
corpus = load_corpus("a.txt", cache=__import__("pathlib").Path("cache"))
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The cells of a notebook that a kernel has executed, once for all tests."""
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (TRAIN, READ)])
    folder = str(tmp_path_factory.mktemp("notebook"))
    client = NotebookClient(book, timeout=120, allow_errors=True, resources={"metadata": {"path": folder}})
    client.execute()
    return book.cells


@pytest.mark.filterwarnings("ignore")
def test_a_cell_that_trains_has_one_line_which_ends_with_the_loss(cells: list[Any]) -> None:
    (output,) = cells[0].outputs
    assert output.output_type == "display_data"
    words = output.data["text/plain"]
    assert words.startswith("40 steps · best validation loss ")
    assert output.data["text/html"] == f"<pre>{words}</pre>"


@pytest.mark.filterwarnings("ignore")
def test_a_cell_that_reads_a_text_has_one_line(cells: list[Any]) -> None:
    (output,) = cells[1].outputs
    assert output.data["text/plain"] == "a.txt: 1,000,000 tokens"


class Handle:
    """What IPython's `display` returns."""

    def __init__(self, line: dict[str, str]) -> None:
        self.lines = [line]

    def update(self, line: dict[str, str], raw: bool) -> None:
        assert raw
        self.lines.append(line)


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Handle]:
    """IPython with a kernel, which records what is displayed."""
    handles: list[Handle] = []

    def display(line: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        handles.append(Handle(line))
        return handles[-1]

    shell = types.SimpleNamespace(kernel=object())
    module = types.SimpleNamespace(get_ipython=lambda: shell, display=types.SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", module.display)
    return handles


def test_only_a_kernel_is_a_notebook(monkeypatch: pytest.MonkeyPatch, displayed: list[Handle]) -> None:
    assert is_in_notebook()
    assert isinstance(find_listener(), TrainingLine)
    for shell in (None, types.SimpleNamespace()):
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda shell=shell: shell)
        assert not is_in_notebook()
        assert find_listener() is ignore
    monkeypatch.delitem(sys.modules, "IPython")
    assert not is_in_notebook()
    assert displayed == []


def test_a_line_changes_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch, displayed: list[Handle]
) -> None:
    now = 100.0
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now)
    line = NotebookLine()
    assert not line.is_shown
    for step in range(100):
        line.show(f"<{step}>", step / 99)
        now += 0.01
    assert line.is_shown
    line.show("the end", at_once=True)
    (handle,) = displayed
    shown = [one["text/plain"] for one in handle.lines]
    assert 4 <= len(shown) <= 7
    assert (shown[0], shown[-1]) == ("<0>", "the end")
    assert handle.lines[0]["text/html"] == '<pre><progress value="0.0000" max="1"></progress> &lt;0&gt;</pre>'


def test_a_run_shows_step_losses_speed_and_time_left(
    monkeypatch: pytest.MonkeyPatch, displayed: list[Handle]
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    line, records = TrainingLine(), [record_of(step, loss=2.5) for step in range(1, 41)]
    config = RunConfig(DataConfig(batch_size=10, seq_length=50), training=TrainingConfig(epochs=2))
    started = Started(Path(), config, "a text", (), (1, 1, 1), "", 9, 9, 1, 100, 0)
    line(started)
    for number, record in enumerate(records):
        now += 0.5
        line(Stepped([record], (number + 1) / 200, 0.5 * (number + 1)))
        if number == 20:
            line(Evaluated(21, Score(140.0, 100), is_best=True, elapsed=11.0))
    shown = [one["text/plain"] for one in displayed[0].lines]
    assert shown[0] == "compiling the first step"
    assert shown[1] == "step 1 of 200 · loss 2.500"
    assert shown[-1] == (
        "step 40 of 200 · loss 2.500 · validation loss 1.400 · 1,000 characters/s · 1:20 left"
    )
    assert 'value="0.2000"' in displayed[0].lines[-1]["text/html"]
    line(Finished("the budget is used up", 200, Score(130.0, 100), 180, 99.0))
    line(Finished(INTERRUPTED, 1, None, 0, 5.0))
    ends = [one["text/plain"] for one in displayed[0].lines[-2:]]
    assert ends == [
        "200 steps · best validation loss 1.300 (step 180) · 1:39",
        "1 step · 0:05 · interrupted: charloop.resume continues it",
    ]
    assert len(displayed) == 1


def record_of(step: int, loss: float) -> StepRecord:
    return StepRecord(step=step, epoch=0.0, loss=loss, learning_rate=0.1, gradient_norm=1.0)


def test_reading_shows_what_is_done(displayed: list[Handle]) -> None:
    ReadingLine()(Progress("reading", 25_000_000, 100_000_000))
    (line,) = displayed[0].lines
    assert line["text/plain"] == "reading: 25 of 100 MB"
    assert 'value="0.2500"' in line["text/html"]


def test_a_listener_replaces_the_line(
    tmp_path: Any, displayed: list[Handle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.progress.PAUSE_SECONDS", 0)
    (tmp_path / "a.txt").write_text("abc\n" * 20)
    load_corpus(tmp_path / "a.txt", cache=tmp_path, listener=lambda _: None)
    assert displayed == []
    load_corpus(tmp_path / "a.txt", cache=tmp_path)
    assert displayed[0].lines[-1]["text/plain"] == "a.txt: 80 tokens"
