"""What `from charloop import ...` offers exists, is explained, and suffices from a text to a new text."""

import importlib
import inspect
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest

import charloop

TEXT = "the quick brown fox jumps over the lazy dog; " * 40
CONSTANTS = {"CELLS", "UNROLLINGS"}


def test_all_that_is_named_is_there_and_comes_from_where_it_lives() -> None:
    assert len(charloop.__all__) == len(set(charloop.__all__))
    assert set(charloop.__all__) == set(charloop._HOMES)
    for name, home in charloop._HOMES.items():
        assert getattr(charloop, name) is getattr(importlib.import_module(f"charloop.{home}"), name)


def summary_of(thing: object) -> str:
    """Return the first line of a docstring of its own: what a base class says does not count."""
    text = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    return inspect.cleandoc(text or "").partition("\n")[0]


def public_members(kind: type) -> dict[str, object]:
    """Return the methods and properties that `kind` itself defines for others to use."""
    found = {name: getattr(member, "__func__", member) for name, member in vars(kind).items()}
    kinds = (property, cached_property, FunctionType)
    return {name: m for name, m in found.items() if isinstance(m, kinds) and not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(set(charloop.__all__) - CONSTANTS))
def test_each_name_and_each_of_its_methods_says_what_it_is(name: str) -> None:
    thing = getattr(charloop, name)
    members = public_members(thing) if isinstance(thing, type) else {}
    for part, member in {name: thing, **members}.items():
        summary = summary_of(member)
        assert re.match(r"[A-Z`].* .*[.:]$", summary), f"{name}: {part} is explained by {summary!r}"
        assert not summary.startswith(f"{name}("), "that is what dataclass writes by itself"


def test_a_missing_explanation_is_found() -> None:
    @dataclass
    class Bare:
        size: int

        def grow(self) -> None:
            pass

    class Child(charloop.SamplingConfig):
        pass

    assert summary_of(Bare).startswith("test_an_explanation") or summary_of(Bare).startswith("Bare(")
    assert [*public_members(Bare)] == ["grow"]
    assert summary_of(Bare.grow) == ""
    assert summary_of(Child) == ""


def test_a_name_that_is_not_there_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'charloop' has no attribute 'tarin'"):
        charloop.tarin  # noqa: B018
    assert not hasattr(charloop, "jax")


@pytest.mark.slow
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
