"""Convert values that were read from JSON or TOML to declared types, by msgspec."""

from typing import Any

import msgspec


def convert(value: object, kind: Any, **how: Any) -> Any:
    """Return `value` as a `kind`. Errors: msgspec.ValidationError.

    JSON can spell half of a surrogate pair, which msgspec fails to compare with the names it knows.
    """
    try:
        return msgspec.convert(value, kind, **how)
    except UnicodeEncodeError:
        raise msgspec.ValidationError("half of a surrogate pair, which no name or number has") from None
