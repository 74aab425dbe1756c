"""Token ids to text, as they come."""

import codecs
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer, UInt32

from charloop.errors import CharloopError


class StreamDecoder:
    """Turns ids into text a few at a time, holding back bytes that are not yet a whole character."""

    def __init__(self, codes: UInt32[np.ndarray, "vocab"], *, as_bytes: bool) -> None:
        """`codes`: the code point, or byte value, of each id."""
        self._codes = codes
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace") if as_bytes else None

    def feed(self, ids: Integer[np.ndarray, " length"] | Sequence[int]) -> str:
        """The text that is certain after `ids`. Errors: CharloopError for an id outside 0..vocab-1."""
        array = np.asarray(ids, np.int64)
        if array.size and (array.min() < 0 or array.max() >= len(self._codes)):
            raise CharloopError(
                "a token outside the vocabulary",
                got=int(array.max() if array.min() >= 0 else array.min()),
                allowed=f"0 to {len(self._codes) - 1}",
            )
        codes = self._codes[array]
        if self._bytes is None:
            return codes.tobytes().decode("utf-32-le", "surrogatepass")
        return self._bytes.decode(codes.astype(np.uint8).tobytes())

    def flush(self) -> str:
        """What is still held back, as U+FFFD: call it once, at the end."""
        return "" if self._bytes is None else self._bytes.decode(b"", final=True)
