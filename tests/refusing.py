"""What an error says, by its fields: the words between them may change."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from charloop.errors import CharloopError


@contextmanager
def refused(
    what: str, *, got: object = None, allowed: str = "", do: str = ""
) -> Iterator[pytest.ExceptionInfo[CharloopError]]:
    """The block raises a CharloopError whose fields contain these words; `got` is equal, if it is given."""
    with pytest.raises(CharloopError) as caught:
        yield caught
    error = caught.value
    assert what in error.what
    assert got is None or error.got == got
    assert allowed in (error.allowed or "")
    assert do in (error.do or "")
