"""How flags read numbers, and names for them that fit a help page: N, X, TEXT instead of {None}|INT."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

VALUES = ConstructorRegistry()
PLAIN: dict[Any, tuple[str, str]] = {
    int: ("N", "a whole number"),
    float: ("X", "a number"),
    str: ("NAME", "text"),
}
"""What a value of this type is called in help, and in errors."""


@VALUES.primitive_rule
def plain_value(asked: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Read one number or name."""
    kind: Any = asked.type
    if kind not in PLAIN:
        return None
    metavar, allowed = PLAIN[kind]
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=make_reader(kind, allowed),
        # A preset may say 3 where a number such as 3.0 is meant.
        is_instance=lambda value: isinstance(value, (int, float) if kind is float else kind),
        # Help shows it; an empty name would be two quotation marks.
        str_from_instance=lambda value: [str(value) or "none"],
    )


@VALUES.primitive_rule
def bias_of_characters(asked: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Read CHARACTER=X, again and again, as a mapping."""
    if asked.type_origin is not dict:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="C=X",
        instance_from_str=read_bias,
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [f"{character}={number:g}" for character, number in value.items()],
        _action="append",
    )


def read_bias(words: list[str]) -> dict[str, float]:
    """Return a character and its number from a word such as e=-1.5, or raise a ValueError that says what is wrong."""
    character, _, number = words[0].rpartition("=")
    # A letter and its accent are one character.
    character = unicodedata.normalize("NFC", character)
    try:
        value = float(number)
    except ValueError:
        character = ""
    if len(character) != 1:
        raise ValueError(f"got {words[0]!r}; allowed: a character, =, a number, such as e=-1.5")
    return {character: value}


@VALUES.primitive_rule
def number_or_two(asked: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Read X, or X:Y as two numbers."""
    if [get_origin(kind) for kind in get_args(asked.type)] != [Annotated, tuple]:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="X|X:Y",
        instance_from_str=make_reader(read_number_or_two, "a number, or two as in 0.4:1.1"),
        is_instance=lambda value: isinstance(value, int | float | tuple),
        str_from_instance=lambda value: [
            ":".join(map(str, value)) if isinstance(value, tuple) else str(value)
        ],
    )


def read_number_or_two(word: str) -> float | tuple[float, float]:
    """Return the number or the two numbers in `word`. Raises ValueError for anything else."""
    first, *more = map(float, word.split(":"))
    if not more:
        return first
    (last,) = more
    return first, last


def make_reader(kind: Callable[[str], Any], allowed: str) -> Callable[[list[str]], Any]:
    """Return a function from a flag's one word to its value, or a ValueError that says what is allowed."""

    def read(words: list[str]) -> Any:
        try:
            return kind(words[0])
        except ValueError:
            raise ValueError(f"got {words[0]!r}; allowed: {allowed}") from None

    return read


@VALUES.primitive_rule
def optional_value(asked: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Read `X | None` as X: None is the value of a flag that is not given."""
    kinds = [kind for kind in get_args(asked.type) if kind is not NoneType]
    if asked.type_origin not in (Union, UnionType) or len(kinds) != 1:
        return None
    inner = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], asked.markers))
    if isinstance(inner, UnsupportedTypeAnnotationError):
        return None
    return replace(
        inner,
        metavar="TEXT" if inner.metavar == "NAME" else inner.metavar,
        is_instance=lambda value: value is None or inner.is_instance(value),
        str_from_instance=lambda value: ["none"] if value is None else inner.str_from_instance(value),
    )
