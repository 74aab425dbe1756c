"""Configurations take objects where the command line takes names, and name the nearest right setting."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import jax
import pytest

from charloop import CELLS, DataConfig, ModelConfig, RunConfig, SamplingConfig, TrainingConfig
from charloop.cells import Cell, make_cell
from charloop.cells.from_object import name_builtin_cell
from charloop.cells.lstm import LSTM
from charloop.configfile import check, to_dict, validate
from charloop.errors import CharloopError
from charloop.given import is_object
from charloop.model import CharLM


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("book.txt", ("book.txt",)),
        (Path("a/book.txt"), ("a/book.txt",)),
        ([Path("a"), "b"], ("a", "b")),
        (("a", "b"), ("a", "b")),
        ((), ()),
        ((Path(name) for name in "ab"), ("a", "b")),
    ],
)
def test_a_corpus_is_one_name_or_path_or_several(given, names: tuple[str, ...]) -> None:
    config = DataConfig(given, batch_size=3)
    assert config.corpus == names
    assert validate(RunConfig(config)).data == config


@pytest.mark.parametrize("given", [3, b"text", [3], ["a", b"text"]])
def test_what_names_no_corpus_is_refused(given) -> None:
    with pytest.raises(CharloopError, match=r"corpus: got .*give a text itself as text="):
        DataConfig(given)


class Slow(LSTM):
    """A cell of a program's own."""


def test_a_cell_is_a_name_a_class_or_a_cell() -> None:
    by_class = ModelConfig(cell=Slow, hidden_size=5)
    assert by_class.cell == "object:Slow"
    assert is_object(by_class.cell)
    assert type(CharLM.build(by_class, 9).cell) is Slow
    assert CharLM.build(by_class, 9).cell.hidden_size == 5

    by_cell = ModelConfig(cell=Slow(7))
    assert by_cell.hidden_size == 7
    assert CharLM.build(by_cell, 9).cell == Slow(7)
    assert CharLM.build(replace(by_cell, hidden_size=4), 9).cell == Slow(4)
    with pytest.raises(CharloopError, match="hidden-size: got 9; allowed: 7, the cell's own"):
        ModelConfig(cell=Slow(7), hidden_size=9)


def test_the_object_stays_with_its_name() -> None:
    """Through all that is done to configurations: copied, checked, converted and restored."""
    config = RunConfig(model=ModelConfig(cell=Slow, hidden_size=5))
    for copy in (deepcopy(config), validate(config), check(to_dict(config)), replace(config)):
        assert type(CharLM.build(copy.model, 9).cell) is Slow


def test_a_made_cell_has_its_options_already() -> None:
    gru = make_cell(CELLS, "gru", 6, ["reset_after=false"])
    assert CharLM.build(ModelConfig(cell=gru), 9).cell == gru
    with pytest.raises(CharloopError, match="pass them to the cell's constructor"):
        CharLM.build(ModelConfig(cell=gru, cell_options=("reset_after=true",)), 9)
    options = ("reset_after=false",)
    assert CharLM.build(ModelConfig(cell=CELLS["gru"], hidden_size=6, cell_options=options), 9).cell == gru


@pytest.mark.parametrize("given", [3, int, object()])
def test_what_is_not_a_cell_is_refused(given) -> None:
    with pytest.raises(CharloopError, match=r"cell: got .*a subclass of charloop.Cell"):
        CharLM.build(ModelConfig(cell=given), 9)


@pytest.mark.parametrize("name", CELLS)
def test_a_class_of_the_house_has_a_name_of_the_house(name: str) -> None:
    assert name_builtin_cell(ModelConfig(cell=CELLS[name])).cell == name
    assert name_builtin_cell(ModelConfig(cell=name)).cell == name


def test_a_model_of_an_object_computes_as_one_of_a_name() -> None:
    named, given = (CharLM.build(ModelConfig(cell=cell, hidden_size=5), 9) for cell in ("lstm", LSTM))
    params = named.init(jax.random.key(0))
    characters = jax.numpy.zeros((3, 2), int)
    outputs = [model.apply(params, characters, model.initial_state(2))[0] for model in (named, given)]
    assert (outputs[0] == outputs[1]).all()
    assert isinstance(given.cell, Cell)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: SamplingConfig(max_tokens=5),
            "unknown setting of sampling: got 'max_tokens'.*mean 'length'",
        ),
        (lambda: SamplingConfig(temprature=5), "mean 'temperature'"),
        (lambda: DataConfig(batchsize=5), "unknown setting of the data: got 'batchsize'.*'batch_size'"),
        (lambda: ModelConfig(hiden_size=5), "unknown setting of the network.*'hidden_size'"),
        (lambda: TrainingConfig(lr=1), "unknown setting of training: got 'lr'; allowed: .*learning_rate"),
        (lambda: RunConfig(trainin=TrainingConfig()), "unknown section of a run.*mean 'training'"),
        (lambda: replace(TrainingConfig(), learningrate=1), "mean 'learning_rate'"),
    ],
)
def test_an_unknown_setting_is_answered_by_the_nearest(make, words: str) -> None:
    with pytest.raises(CharloopError, match=words):
        make()
