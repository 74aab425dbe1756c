"""A trained network that learns while it reads: what is kept in its run, and how its settings are tuned."""

from dataclasses import replace

import numpy as np
import pytest

from charloop.checkpoint.texts import read_training_text
from charloop.config import DynamicConfig
from charloop.errors import CharloopError
from charloop.evaluation.dynamic import measure_gradients
from charloop.trained import TrainedModel, adapting, load
from training.runs import SYMBOLS, Run, improving, run

SETTINGS = DynamicConfig(dynamic_segment=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("adapting")
    return run(folder / "run", improving(folder, steps=30, dropout_output=0.0))


@pytest.fixture
def network(made: Run) -> TrainedModel:
    (made.folder / "gradients.safetensors").unlink(missing_ok=True)
    return load(made.folder)


def refuse_to_measure(*_: object) -> None:
    raise AssertionError("measured again")


def test_scales_are_measured_once_and_kept_in_the_run(
    network: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = adapting.find_gradients(network, 5)
    expected = measure_gradients(network.model, network.params, read_training_text(network.run), 5)
    monkeypatch.setattr(adapting, "measure_gradients", refuse_to_measure)
    again = adapting.find_gradients(network, 5)
    for name, value in expected.items():
        np.testing.assert_array_equal(first[name], value)
        np.testing.assert_array_equal(again[name], value)
    with pytest.raises(AssertionError, match="measured again"):
        adapting.find_gradients(network, 6)
    with pytest.raises(AssertionError, match="measured again"):
        adapting.find_gradients(replace(network, facts=network.facts | {"step": 7}), 5)
    monkeypatch.setattr(adapting, "FORMAT", adapting.FORMAT + 1)
    with pytest.raises(AssertionError, match="measured again"):
        adapting.find_gradients(network, 5)


@pytest.mark.parametrize("content", [b"", b"not tensors"])
def test_damaged_scales_are_measured_again(network: TrainedModel, made: Run, content: bytes) -> None:
    expected = adapting.find_gradients(network, 5)
    path = made.folder / "gradients.safetensors"
    path.write_bytes(content)
    found = adapting.find_gradients(network, 5)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    assert path.read_bytes() != content


def test_a_run_that_cannot_be_written_is_scored_all_the_same(
    network: TrainedModel, made: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(adapting, "write_tensors", refuse)
    assert adapting.find_gradients(network, 5)
    assert not (made.folder / "gradients.safetensors").exists()


def test_a_network_without_its_run_says_so(network: TrainedModel) -> None:
    with pytest.raises(CharloopError, match="no training text"):
        adapting.find_gradients(replace(network, run=None), 5)


def test_learning_lowers_the_loss_of_a_text_unlike_the_training_text(network: TrainedModel) -> None:
    tokens = network.vocabulary.encode(SYMBOLS[::-1] * 60)
    settings = DynamicConfig(dynamic_rate=0.5, dynamic_segment=5)
    static, dynamic = network.score(tokens), adapting.score_while_learning(network, tokens, settings)[0]
    assert dynamic.characters == static.characters
    assert dynamic.loss < static.loss - 0.5
    adapted, score = adapting.adapt(network, tokens, settings)
    assert score.characters == dynamic.characters
    assert adapted.score(tokens).loss < dynamic.loss
    assert load(network.run.path).score(tokens).loss == static.loss


def test_tuning_ends_where_no_neighbour_is_better(
    network: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a loss whose minimum is known; each pair is better than the one before, and the first is the given one."""
    tried = []

    def fake(_: object, tokens: np.ndarray, settings: DynamicConfig, **__: object) -> tuple[object, dict]:
        tried.append(settings)
        assert len(tokens) == min(adapting.TUNED_CHARACTERS + 1, len(read_training_text(network.run)))
        loss = abs(np.log(settings.dynamic_rate / 0.8)) + abs(np.log(settings.dynamic_decay / 0.001))
        return type("Score", (), {"loss": loss}), {}

    monkeypatch.setattr(adapting, "score_while_learning", fake)
    start = DynamicConfig(dynamic_rate=0.07, dynamic_decay=0.005)
    found = list(adapting.tune_settings(network, start))
    assert found[0][0] == start
    assert (found[-1][0].dynamic_rate, found[-1][0].dynamic_decay) == (0.8, 0.001)
    losses = [loss for _, loss in found]
    assert losses == sorted(losses, reverse=True)
    assert len(set(tried)) < len(adapting.GRID["dynamic_rate"]) + len(adapting.GRID["dynamic_decay"])
