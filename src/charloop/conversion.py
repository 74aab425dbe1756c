"""Convert values to declared types and ranges, by msgspec: of JSON, of TOML, and of settings."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from charloop.errors import CharloopError, unknown_name


def convert(value: object, kind: Any, **how: Any) -> Any:
    """Return `value` as a `kind`. Errors: msgspec.ValidationError.

    JSON can spell half of a surrogate pair, which msgspec fails to compare with the names it knows.
    """
    try:
        return msgspec.convert(value, kind, **how)
    except UnicodeEncodeError:
        raise msgspec.ValidationError("half of a surrogate pair, which no name or number has") from None


def check_fields(settings: object) -> None:
    """Raise CharloopError for the first field of a dataclass that is out of its declared type or range."""
    for name, hint in get_type_hints(type(settings), include_extras=True).items():
        value = getattr(settings, name)
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise unknown_name(name, str(value), get_args(hint))
        try:
            convert(value, hint)
        except msgspec.ValidationError as error:
            allowed = str(error).removeprefix("Expected ").partition(" - at ")[0].partition(", got")[0]
            got = "" if isinstance(value, tuple | list) and "" in value else value
            raise CharloopError(name, got=got, allowed=allowed) from None
