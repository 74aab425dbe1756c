"""The range coder of constriction: symbols to bytes and back, by the probabilities that a predictor gives them."""

from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, Integer

from charloop.errors import CharloopError

Probabilities = Float32[np.ndarray, "rows symbols"]
_WORD = np.dtype("<u4")


class Encoder:
    """Symbols to bytes: each takes -log2(probability) bits, all together up to 8 bytes more.

    The coder divides its range into 2**24 parts, of which each symbol has at least one: none takes over 24 bits.
    """

    def __init__(self) -> None:
        stream = load_coders()
        self._coder, self._family = stream.queue.RangeEncoder(), any_symbol(stream)

    def encode(self, symbols: Integer[np.ndarray, " rows"], probabilities: Probabilities) -> None:
        """Encode a symbol for each row of probabilities."""
        self._coder.encode(np.ascontiguousarray(symbols, np.int32), self._family, probabilities)

    def finish(self) -> bytes:
        """Return all bytes."""
        content: bytes = self._coder.get_compressed().astype(_WORD).tobytes()
        return content


class Decoder:
    """The bytes of an `Encoder` to symbols, with the same probabilities to the last bit."""

    def __init__(self, content: bytes) -> None:
        stream = load_coders()
        words = np.frombuffer(content, _WORD).astype(np.uint32)
        self._coder, self._family = stream.queue.RangeDecoder(words), any_symbol(stream)

    def decode(self, probabilities: Probabilities) -> Int32[np.ndarray, " rows"]:
        """Return a symbol for each row. Raises CharloopError for bytes that no encoder wrote."""
        try:
            symbols: Int32[np.ndarray, " rows"] = self._coder.decode(self._family, probabilities)
        except AssertionError as error:
            raise CharloopError("the file is damaged", got=str(error)) from None
        return symbols


def load_coders() -> Any:
    """Return constriction's stream coders. Raises CharloopError where it is not installed."""
    try:
        import constriction
    except ImportError:
        do = "pip install 'charloop[compress]'"
        raise CharloopError("compressing and decompressing need constriction", do=do) from None
    return constriction.stream


def any_symbol(stream: Any) -> Any:
    """Return the family of models whose parameters are the probabilities of all symbols."""
    return stream.model.Categorical(perfect=False, lazy=False)
