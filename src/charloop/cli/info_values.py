"""What a run says of itself besides its settings, checked before it is shown: a run may come from anywhere."""

from pathlib import Path
from typing import Annotated, TypedDict, TypeVar

import msgspec
from msgspec import Meta

from charloop.conversion import convert
from charloop.errors import CharloopError

Size = Annotated[int, Meta(ge=0, le=2**62)]
Values = TypeVar("Values")


class Text(TypedDict, total=False):
    """What config.json says of the text; older releases said less."""

    description: str
    content_hash: str
    characters: Size
    train: Size
    validation: Size
    test: Size
    distinct: Size
    notes: list[str]


class Weights(TypedDict):
    """What goes with the best weights."""

    step: Size
    validation_loss: float | None


class Facts(Weights, total=False):
    """The same, of a release that evaluates a part of the validation text."""

    validation_characters: Size


def checked(values: object, kind: type[Values], path: Path) -> Values:
    """`values` as `kind`; what it does not speak of is left out. CharloopError that names `path` for others."""
    try:
        found: Values = convert(values, kind)
    except msgspec.ValidationError as error:
        raise CharloopError(
            f"{path} is damaged ({error})", do="copy it again from where it was whole"
        ) from None
    return found
