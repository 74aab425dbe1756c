"""The baselines of a run: measured once, kept, reported in time; training never waits for them."""

import json
import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from charloop.baselines import BASELINES_FILE, Baselines, measure_baselines, read_baselines, store
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import read_corpus
from charloop.data import Vocabulary
from charloop.evaluation import Score
from charloop.training.baselines import BaselineListener
from charloop.training.events import (
    Evaluated,
    Event,
    Finished,
    Measured,
    Noted,
    Started,
    Stepped,
    Stopping,
)
from charloop.training.session import TrainingSession
from training.runs import CHUNKS, SYMBOLS, TEXT, TRAIN, Run, at_step, configure, resume_recorded, run

TRAINING, VALIDATION = TEXT[:TRAIN], TEXT[TRAIN:]


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache in which there are no baselines yet."""
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")


def expected() -> Baselines:
    vocabulary = Vocabulary.of_text(SYMBOLS)
    return measure_baselines(vocabulary.encode(TRAINING), vocabulary.encode(VALIDATION), vocabulary)


def never(*_) -> Baselines:
    raise AssertionError("measured again")


Making = Callable[..., TrainingSession]


@pytest.fixture
def session(tmp_path: Path, text: Path) -> Making:
    """The session of a run in `tmp_path`/run, where nothing is compiled until it trains."""

    def make(**settings) -> TrainingSession:
        config = configure(text, **settings)
        corpus = read_corpus(config, None)
        folder = RunFolder(tmp_path / "run", config, corpus.vocabulary, {})
        folder.path.mkdir(exist_ok=True)
        return TrainingSession.open(folder, corpus)

    return make


def started(session: TrainingSession) -> Started:
    return Started(
        session.folder.path, session.config, "text", (), session.split.sizes, "hash", 11, 1, 1, CHUNKS, 0
    )


def evaluated(step: int, loss: float) -> Evaluated:
    return Evaluated(step, Score(loss * 10, 10), False, 1.0)


STEPPED = Stepped((), 0.5, 1.0)
FINISHED = Finished("the budget is used up", 40, None, 0, 1.0)


def heard(session: TrainingSession, *events: Event) -> list[Event]:
    """What a listener hears of a run in which `events` happen, once it has started."""
    found: list[Event] = []
    listener = BaselineListener(session, found.append)
    for event in (started(session), *events):
        listener(event)
    return found


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_a_run_measures_its_baselines_keeps_them_and_reads_them_again(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(tmp_path / "run", configure(text, steps=6))
    before = (made.folder / BASELINES_FILE).read_bytes()
    assert read_baselines(made.folder / BASELINES_FILE) == expected()
    assert [event.baselines for event in made.heard(Measured)] == [expected()]
    order = kinds(made.events)
    assert order.index(Started) < order.index(Measured) < order.index(Finished)
    monkeypatch.setattr(store, "measure_baselines", never)
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "nothing")
    again = resume_recorded(made.folder, configure(text, steps=12))
    assert kinds(again.events)[:2] == [Started, Measured]
    assert again.heard(Measured) == made.heard(Measured)
    assert (made.folder / BASELINES_FILE).read_bytes() == before


def test_losses_are_the_same_with_and_without(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch, whole: Run
) -> None:
    def fail(*_) -> Baselines:
        raise MemoryError

    monkeypatch.setattr(store, "measure_baselines", fail)
    made = run(tmp_path / "run", configure(text, steps=40, eval_every=10))
    assert made.losses == whole.losses
    assert [event.text for event in made.heard(Noted)] == ["there are no baselines for this run: MemoryError"]
    assert not (made.folder / BASELINES_FILE).exists()


def test_a_request_to_stop_does_not_wait(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, baselines = threading.Event(), expected()
    monkeypatch.setattr(store, "measure_baselines", lambda *_: (is_over.wait(60), baselines)[1])
    made = run(tmp_path / "run", configure(text), at_step(3, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert not is_over.is_set()
    assert made.finished.reason == "interrupted"
    assert made.heard(Measured) == []
    is_over.set()
    again = resume_recorded(made.folder)
    assert len(again.heard(Measured)) == 1


@pytest.mark.parametrize("wrong", ["nothing", "damaged", "another's"])
def test_a_run_without_its_own_measures_them(session: Making, wrong: str) -> None:
    made = session()
    heard(made, FINISHED)
    path = made.folder.path / BASELINES_FILE
    whole = path.read_bytes()
    path.unlink()
    if wrong == "damaged":
        path.write_bytes(whole[:40])
    elif wrong == "another's":
        path.write_bytes(whole.replace(json.loads(whole)["key"].encode(), b"key"))
    assert kinds(heard(made, FINISHED)) == [Started, Measured, Finished]
    assert path.read_bytes() == whole


def test_training_does_not_wait_but_at_its_end(session: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, real = threading.Event(), store.measure_baselines

    def slow(*texts) -> Baselines:
        assert may_go_on.wait(60)
        return real(*texts)

    monkeypatch.setattr(store, "measure_baselines", slow)
    made = session()
    found: list[Event] = []
    listener = BaselineListener(made, found.append)
    for event in (started(made), STEPPED, evaluated(4, 2.0), STEPPED):
        listener(event)
    assert kinds(found) == [Started, Stepped, Evaluated, Stepped]
    threading.Timer(0.05, may_go_on.set).start()
    listener(FINISHED)
    assert kinds(found)[4:] == [Measured, Finished]
    assert (made.folder.path / BASELINES_FILE).exists()


def test_baselines_are_reported_before_the_next_row(session: Making) -> None:
    made = session()
    found: list[Event] = []
    listener = BaselineListener(made, found.append)
    listener(started(made))
    assert listener._measuring is not None
    listener._measuring.wait()
    for event in (evaluated(4, 2.0), evaluated(8, 2.0), FINISHED):
        listener(event)
    assert kinds(found) == [Started, Measured, Evaluated, Evaluated, Finished]


def test_without_validation_text_there_are_no_baselines(session: Making) -> None:
    assert kinds(heard(session(validation_fraction=0.0), STEPPED, FINISHED)) == [Started, Stepped, Finished]


def test_a_signal_is_passed_on_at_once(session: Making) -> None:
    assert kinds(heard(session(), Stopping()))[:2] == [Started, Stopping]


def test_a_run_above_its_unigram_after_an_epoch_is_advised_once(session: Making) -> None:
    made = session(learning_rate=1e-4, steps=48)
    heard(made, FINISHED)
    found = heard(made, *(evaluated(step, 9.0) for step in (CHUNKS - 1, CHUNKS, CHUNKS + 1)), FINISHED)
    assert kinds(found) == [Started, Measured, Evaluated, Evaluated, Noted, Evaluated, Finished]
    note = found[4]
    assert isinstance(note, Noted)
    assert note.text.startswith("after an epoch the network is no better than the unigram, which knows only ")
    assert "raise --learning-rate from 0.0001 to 0.002" in note.text
    assert "--steps 192" in note.text


def test_a_run_whose_unigram_is_known_last_is_advised_last(
    session: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, real = threading.Event(), store.measure_baselines
    monkeypatch.setattr(store, "measure_baselines", lambda *texts: (may_go_on.wait(60), real(*texts))[1])
    threading.Timer(0.2, may_go_on.set).start()
    found = heard(session(), evaluated(CHUNKS, 9.0), FINISHED)
    assert kinds(found)[-3:] == [Measured, Noted, Finished]


@pytest.mark.parametrize(("loss", "step"), [(9.0, CHUNKS - 1), (1.0, CHUNKS), (math.nan, CHUNKS)])
def test_before_an_epoch_or_below_the_unigram_nothing_is_said(
    session: Making, loss: float, step: int
) -> None:
    assert Noted not in kinds(heard(session(), evaluated(step, loss), FINISHED))
