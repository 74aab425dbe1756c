"""What `from charloop import ...` offers: all of it there, explained, and enough for the whole way."""

import importlib
import inspect
from pathlib import Path

import pytest

import charloop

TEXT = "the quick brown fox jumps over the lazy dog; " * 40
CONSTANTS = {"CELLS", "UNROLLINGS"}


def test_all_that_is_named_is_there_and_comes_from_where_it_lives() -> None:
    assert len(charloop.__all__) == len(set(charloop.__all__))
    assert set(charloop.__all__) == set(charloop._HOMES)
    for name, home in charloop._HOMES.items():
        assert getattr(charloop, name) is getattr(importlib.import_module(f"charloop.{home}"), name)


@pytest.mark.parametrize("name", sorted(set(charloop.__all__) - CONSTANTS))
def test_each_name_says_what_it_is(name: str) -> None:
    said = inspect.getdoc(getattr(charloop, name)) or ""
    assert said.endswith((".", "\n")) or "\n" in said
    assert not said.startswith(f"{name}("), "that is what dataclass writes by itself"


def test_a_name_that_is_not_there_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'charloop' has no attribute 'tarin'"):
        charloop.tarin  # noqa: B018
    assert not hasattr(charloop, "jax")


def test_from_a_text_to_new_text_in_a_few_lines(tmp_path: Path) -> None:
    from charloop import DataConfig, ModelConfig, RunConfig, TrainingConfig, load, resume, train

    (tmp_path / "book.txt").write_text(TEXT)
    config = RunConfig(
        DataConfig(corpus=(str(tmp_path / "book.txt"),), batch_size=4, seq_length=16),
        ModelConfig(num_layers=1, hidden_size=16, embed_size=8),
        TrainingConfig(steps=30, devices=1),
    )
    run = train(config, tmp_path / "run")
    trained = load(run)
    (written,) = trained.sample("the ", length=12, temperature=0.8, seed=7)
    assert len(written) == 12
    assert "".join(trained.stream("the ", length=12, temperature=0.8, seed=7)) == written
    assert 0 < trained.evaluate("the lazy dog").bits_per_character < 8
    for write in (trained.sample, trained.stream):
        with pytest.raises(charloop.CharloopError, match=r"got 'max_tokens'.*did you mean 'length'"):
            write(max_tokens=5)
    assert resume(run) == run
