"""Runs with objects of a program: they train, config.json records them, and resuming requires them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import optax
import pytest

from charloop import CELLS, Cell, RunConfig, load, resume, train
from charloop.cells.lstm import LSTM
from charloop.data import Corpus, Vocabulary
from charloop.errors import CharloopError
from charloop.training.events import Evaluated
from charloop.training.optimizer import check_objects
from choosing import slow
from refusing import refused
from training.runs import SYMBOLS, TEXT, Run, assert_identical, configure, run


def config_of(**settings) -> RunConfig:
    named = configure(Path("nowhere"), **settings)
    return replace(named, data=replace(named.data, corpus=()))


def stored(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


class Own(LSTM):
    """A cell that is defined in no file."""


def test_a_given_text_trains_as_a_file_of_it_does(tmp_path: Path, text: Path) -> None:
    named = run(tmp_path / "named", configure(text))
    given = run(tmp_path / "given", config_of(), text=TEXT)
    assert given.losses == named.losses
    assert_identical(given.state, named.state)
    assert stored(given.folder)["given"] == {"text": "str"}
    assert stored(given.folder)["data"]["corpus"] == []


@pytest.mark.parametrize("again", ["given", "named"])
def test_a_run_of_a_given_text_asks_for_it(tmp_path: Path, again: str) -> None:
    whole = run(tmp_path / "whole", config_of(steps=24), text=TEXT)
    folder = run(tmp_path / "run", config_of(steps=12), text=iter([TEXT])).folder
    with refused("trained with an object as its text (documents)", do="text= of load"):
        resume(folder, config_of(steps=24))
    with refused("has changed since the run began", do=f"--init-from {folder}"):
        resume(folder, config_of(steps=24), text=TEXT + "a")
    documents = tmp_path / "documents.txt"
    documents.write_text(TEXT + "\n")
    if again == "given":
        resume(folder, config_of(steps=24), text=[TEXT])
        assert stored(folder)["given"] == {"text": "documents"}
    else:
        resume(folder, configure(documents, steps=24))
        assert "given" not in stored(folder)
    assert Run(folder).lines[-1]["step"] == whole.lines[-1]["step"]


def test_tokens_train_as_their_text_does(tmp_path: Path, text: Path) -> None:
    vocabulary = Vocabulary.of_text(SYMBOLS)
    corpus = Corpus.of_tokens(vocabulary.encode(TEXT), vocabulary)
    given = run(tmp_path / "given", config_of(), text=corpus)
    assert given.losses == run(tmp_path / "named", configure(text)).losses
    network = load(given.folder, text=corpus)
    assert network.vocabulary == vocabulary
    assert network.novel(3).longest == 3
    with pytest.raises(CharloopError, match="an object as its text"):
        load(given.folder).novel(3)


def test_a_text_and_a_corpus_are_one_too_many(tmp_path: Path, text: Path) -> None:
    with refused("a text and a corpus", do="give one of them"):
        train(configure(text), tmp_path / "run", text=TEXT)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("cell", [Own, slow(Own(7))])
def test_a_cell_object_is_asked_for_again(tmp_path: Path, text: Path, cell: type[Cell] | Cell) -> None:
    whole = run(tmp_path / "whole", configure(text, steps=24))
    model = {"cell": cell, "hidden_size": 7}
    folder = tmp_path / "run"
    train(with_model(configure(text), **model), folder)
    assert stored(folder)["model"]["cell"] == "object:Own"
    for ask in (resume, load):
        with refused("a cell object, Own", do="cell=Own of load or resume"):
            ask(folder)
    resume(folder, with_model(configure(text, steps=24), **model), cell=cell)
    assert_identical(Run(folder).state, whole.state)
    assert len(load(folder, cell=cell).sample(length=5)[0]) == 5


@pytest.mark.slow
def test_a_builtin_cell_class_need_not_be_given_again(tmp_path: Path, text: Path) -> None:
    train(with_model(configure(text), cell=CELLS["gru"]), tmp_path / "run")
    assert stored(tmp_path / "run")["model"]["cell"] == "gru"
    assert load(tmp_path / "run").sample(length=5)


def with_model(config: RunConfig, **settings) -> RunConfig:
    return replace(config, model=replace(config.model, **settings))


def test_an_optimizer_of_optax_moves_the_weights_as_optax_does(tmp_path: Path, text: Path) -> None:
    """Our optimizer, built from optax's parts with opposite signs, gives the same results."""
    rate, settings = 0.01, {"optimizer": "adam", "warmup_steps": 0, "beta1": 0.9, "beta2": 0.99}
    ours = run(tmp_path / "ours", configure(text, learning_rate=rate, **settings))
    theirs = run(tmp_path / "theirs", configure(text), optimizer=optax.adam(rate, 0.9, 0.99))
    np.testing.assert_allclose(theirs.losses, ours.losses, rtol=1e-5)
    assert {step.learning_rate for step in theirs.steps} == {1.0}
    assert stored(theirs.folder)["given"] == {"optimizer": "GradientTransformationExtraArgs"}


def test_a_schedule_gives_the_rate_of_each_step(tmp_path: Path, text: Path) -> None:
    schedule = optax.linear_schedule(0.02, 0.0, 12)
    made = run(tmp_path / "run", configure(text), schedule=schedule)
    np.testing.assert_allclose(
        [step.learning_rate for step in made.steps], 0.02 * (1 - np.arange(12) / 12), rtol=1e-6
    )
    assert "schedule" in stored(made.folder)["given"]


def test_a_run_with_a_given_optimizer_and_schedule_resumes_as_if_never_stopped(
    tmp_path: Path, text: Path
) -> None:
    # One object: compiled programs are shared by it.
    objects = {"optimizer": optax.lion(0.01), "schedule": lambda step: 1 / (1 + step)}
    whole = run(tmp_path / "whole", configure(text, steps=24), **objects)
    folder = run(tmp_path / "run", configure(text), **objects).folder
    longer = configure(text, steps=24)
    for missing in ("optimizer", "schedule"):
        given = {name: value for name, value in objects.items() if name != missing}
        with refused(f"an object as its {missing}", do=f"{missing}= of load or resume"):
            resume(folder, longer, **given)
    with pytest.raises(CharloopError, match="is not of this run"):
        resume(folder, longer, optimizer=optax.sgd(1.0), schedule=lambda _: 1.0)
    resume(folder, longer, **objects)
    assert_identical(Run(folder).state, whole.state)


def test_an_optimizer_is_not_changed_in_the_middle_of_a_run(tmp_path: Path, text: Path) -> None:
    folder = run(tmp_path / "run", configure(text)).folder
    with refused("was trained with adamw", got="another optimizer"):
        resume(folder, configure(text, steps=24), optimizer=optax.adam(0.1))


@pytest.mark.parametrize(
    ("given", "got", "allowed"),
    [
        ({"optimizer": "adam", "schedule": None}, "str", "an optax.GradientTransformation"),
        ({"optimizer": None, "schedule": 0.1}, 0.1, "a function from a step"),
    ],
)
def test_objects_of_other_kinds_are_refused(given: dict, got: object, allowed: str) -> None:
    with refused("", got=got, allowed=allowed):
        check_objects(**given)


@pytest.mark.parametrize(
    ("rate", "words"),
    [(None, "gives no number for step 0"), (float("nan"), "learning rate for step 0: got nan")],
)
def test_a_schedule_that_gives_no_rate_is_refused(
    tmp_path: Path, text: Path, rate: float | None, words: str
) -> None:
    with pytest.raises(CharloopError, match=words):
        train(configure(text), tmp_path / "run", schedule=lambda _: rate)


def test_a_program_evaluates_the_network_while_it_trains(tmp_path: Path, text: Path) -> None:
    """Weights on request: a copy of the network, which later updates do not change."""
    kept, events = {}, []

    def listen(event) -> None:
        if isinstance(event, Evaluated):
            events.append(event)
            if event.step != 8:
                network = event.network()
                kept[event.step] = network, network.evaluate(TEXT[-22:]).loss

    train(configure(text, eval_every=4), tmp_path / "run", listener=listen)
    assert [event.step for event in events] == [4, 8, 12]
    assert len({loss for _, loss in kept.values()}) == 2
    for step, (network, loss) in kept.items():
        assert network.evaluate(TEXT[-22:]).loss == loss
        assert network.facts["step"] == step
    with pytest.raises(CharloopError, match="ask for the network while the listener handles the event"):
        events[1].network()


def test_a_network_that_is_saved_is_loaded_again(tmp_path: Path, text: Path) -> None:
    folder = run(tmp_path / "run", configure(text)).folder
    network = load(folder)
    network.save(tmp_path / "kept")
    again = load(tmp_path / "kept")
    assert again.sample(length=30) == network.sample(length=30)
    assert again.facts == network.facts
    assert again.novel(4).longest == 4
    with refused("is not empty", do="choose another folder"):
        network.save(tmp_path / "kept")
    with pytest.raises(CharloopError, match="init-from"):
        resume(tmp_path / "kept")
    train(configure(text), tmp_path / "more", init_from=tmp_path / "kept")


def test_a_network_of_no_run_is_saved_too(tmp_path: Path) -> None:
    import jax

    from charloop import CharLM, ModelConfig, TrainedModel

    vocabulary = Vocabulary.of_text("abc ")
    model = CharLM.build(ModelConfig(cell=Own, hidden_size=8), vocabulary.size)
    network = TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})
    network.save(tmp_path / "deep" / "kept")
    with pytest.raises(CharloopError, match="a cell object, Own"):
        load(tmp_path / "deep" / "kept")
    again = load(tmp_path / "deep" / "kept", cell=Own)
    assert again.sample("a", length=20) == network.sample("a", length=20)
    assert again.facts == {"step": 0, "validation_loss": None}


def test_a_network_that_cannot_be_saved_leaves_nothing(tmp_path: Path, text: Path, monkeypatch) -> None:
    network = load(run(tmp_path / "run", configure(text)).folder)
    monkeypatch.setattr("charloop.checkpoint.run_folder.RunFolder.write_config", full)
    with pytest.raises(CharloopError, match="cannot save"):
        network.save(tmp_path / "kept")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def full(*_: object) -> None:
    raise CharloopError("cannot save")
