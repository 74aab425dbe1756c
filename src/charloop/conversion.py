"""Values that were read, as the types that we declare: msgspec's `convert`, for whatever JSON can hold."""

from typing import Any

import msgspec


def convert(value: object, kind: Any, **how: Any) -> Any:
    """`value` as a `kind`. Errors: msgspec.ValidationError.

    JSON may spell half of a surrogate pair, which msgspec cannot compare with the names that it knows.
    """
    try:
        return msgspec.convert(value, kind, **how)
    except UnicodeEncodeError:
        raise msgspec.ValidationError("half of a surrogate pair, which no name or number has") from None
