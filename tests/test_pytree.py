"""Dataclasses as pytrees: one is never taken for another."""

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import jax
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure

from charloop.pytree import register_pytree
from charloop.sampling import MinP, TopP


@register_pytree
@dataclass(frozen=True)
class Pair:
    first: Any
    second: Any
    name: str = field(default="", metadata={"static": True})


@register_pytree
@dataclass(frozen=True)
class Other:
    first: Any
    second: Any
    name: str = field(default="", metadata={"static": True})


def test_fields_are_children_under_their_names_and_static_ones_are_not() -> None:
    leaves, structure = tree_flatten_with_path(Pair(1, {"a": 2}, "x"))
    assert [(keystr(path), leaf) for path, leaf in leaves] == [(".first", 1), (".second['a']", 2)]
    assert jax.tree.unflatten(structure, [3, 4]) == Pair(3, {"a": 4}, "x")
    assert jax.tree.leaves(Pair(1, 2)) == [1, 2]


def test_another_class_or_static_value_is_another_structure() -> None:
    structures = [tree_structure(tree) for tree in (Pair(1, 2), Other(1, 2), Pair(1, 2, "x"), Pair(1, (2,)))]
    assert all(one != other for one, other in combinations(structures, 2))
    assert tree_structure(Pair(1, 2, "x")) == tree_structure(Pair(3.0, 4, "x"))
    assert tree_structure(MinP(0.5)) != tree_structure(TopP(0.5))


def test_a_compiled_function_takes_them_and_compiles_again_for_another_static_value() -> None:
    compiled = []

    @jax.jit
    def add(pair: Pair) -> Any:
        compiled.append(pair.name)
        return pair.first + pair.second

    assert [int(add(pair)) for pair in (Pair(1, 2), Pair(3, 4), Pair(5, 6, "x"))] == [3, 7, 11]
    assert compiled == ["", "x"]


def test_nothing_uses_the_registration_that_confuses_classes() -> None:
    root = Path(__file__).parents[1]
    paths = [
        *(root / "src").rglob("*.py"),
        *(root / "docs").rglob("*.md"),
        *(root / "examples").rglob("*.py"),
    ]
    users = [path.name for path in paths if "tree_util.register_dataclass" in path.read_text("utf-8")]
    assert users == ["pytree.py"]
