"""Characters per second: what is counted, and over what time."""

import pytest

from charloop.benchmark import speed
from charloop.benchmark.speed import Speed, make_writer, measure_sampling_speed, measure_training_speed
from charloop.benchmark.training_step import StepSetting
from charloop.config import ModelConfig, TrainingConfig

MODEL = ModelConfig(cell="rnn", num_layers=1, hidden_size=4, embed_size=4)


def test_training_counts_the_characters_of_all_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Step:
        def __init__(self, _: StepSetting, unrolling: str, updates_per_call: int) -> None:
            calls.append((unrolling, updates_per_call))

        def time_call(self, updates: int = 1) -> float:
            calls.append(updates)
            return 0.5

    monkeypatch.setattr(speed, "TrainingStep", Step)
    found = measure_training_speed(StepSetting(MODEL, 4, 6, 65), repeats=2)
    updates = TrainingConfig().steps_per_call
    assert calls == [(MODEL.unroll, updates), 1, updates, updates]
    assert (found.name, found.rates, found.median) == ("training", [2 * updates * 24] * 2, 2 * updates * 24)


@pytest.mark.parametrize(("texts", "name"), [(1, "sampling, 1 text"), (3, "sampling, 3 texts")])
def test_sampling_counts_the_characters_of_all_texts(
    texts: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr(speed, "make_writer", lambda *_, **settings: lambda: written.append(settings))
    monkeypatch.setattr(speed, "measure_seconds", lambda work: (0.25, work()))
    found = measure_sampling_speed(MODEL, 65, texts, length=7, repeats=2)
    assert found == Speed(name, 0.25, [4 * texts * 7] * 2)
    assert written == [{"length": 7}] * 3, "the first call is not counted"


def test_a_writer_writes_as_many_texts_as_it_is_asked_for() -> None:
    several = make_writer(MODEL, 65, 3, length=30, temperature=0.8)()
    (one,) = make_writer(MODEL, 65, 1, length=30, temperature=0.8)()
    assert [len(text) for text in several] == [30] * 3
    assert len(one) == 30
    assert one == several[0], "a streamed text is the same text"
