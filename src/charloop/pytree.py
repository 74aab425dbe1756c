"""Dataclasses as pytrees, so that JAX takes them as arguments of compiled functions."""

from dataclasses import fields
from typing import Any, TypeVar

from jax.tree_util import GetAttrKey, register_pytree_with_keys

Dataclass = TypeVar("Dataclass")


def register_pytree(cls: type[Dataclass]) -> type[Dataclass]:
    """Register the dataclass `cls` and return it: its fields are children, except those marked as static.

    `field(metadata={"static": True})` marks one: its values are hashable, and another value compiles again.

    Deviation from `jax.tree_util.register_dataclass`, which in jax 0.10 gives classes with equally many fields
    equal tree structures: where their hashes also share a place in its table, `jax.jit` runs the program of one
    class, such as a filter, for another.
    """
    static = [field.name for field in fields(cls) if field.metadata.get("static")]  # type: ignore[arg-type]
    names = [field.name for field in fields(cls) if field.name not in static]  # type: ignore[arg-type]
    keys = [GetAttrKey(name) for name in names]

    def flatten(tree: Dataclass) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(tree, name) for name in names], tuple(getattr(tree, name) for name in static)

    def flatten_with_keys(tree: Dataclass) -> tuple[list[tuple[GetAttrKey, Any]], tuple[Any, ...]]:
        children, values = flatten(tree)
        return list(zip(keys, children, strict=True)), values

    def unflatten(values: tuple[Any, ...], children: Any) -> Dataclass:
        return cls(**dict(zip(static, values, strict=True)), **dict(zip(names, children, strict=True)))

    register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls
