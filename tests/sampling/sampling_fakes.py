"""Small models whose behaviour is known, and a vocabulary of their own."""

import codecs
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig
from charloop.sampling.prompt import NO_BEGINNING, Beginning
from charloop.sessions import Session
from charloop.sessions.mark import Network
from charloop.sessions.tape import Tape

ALPHABET = "\n abcdefgh"


@dataclass(frozen=True)
class Letters:
    """A vocabulary whose ids are indices into `symbols`."""

    symbols: str = ALPHABET
    unknown_id: int | None = None
    end_id: int | None = None
    """The id that plays the unknown symbol."""

    @property
    def size(self) -> int:
        return len(self.symbols)

    @property
    def never_written(self) -> tuple[int, ...]:
        return () if self.unknown_id is None else (self.unknown_id,)

    def encode(self, text: str, unknown: str = "error") -> np.ndarray:
        lacking = set(text) - set(self.symbols)
        if lacking and unknown == "error":
            raise CharloopError("unknown character", got=min(lacking))
        return np.array([self.symbols.index(letter) for letter in text if letter in self.symbols], np.int32)

    def decode(self, ids: Any) -> str:
        return "".join(self.symbols[index] for index in ids)

    def decoder(self) -> "LettersDecoder":
        return LettersDecoder(self)


@dataclass(frozen=True)
class LettersDecoder:
    letters: Letters

    def feed(self, ids: Any) -> str:
        return self.letters.decode(ids)

    def flush(self) -> str:
        return ""


@dataclass(frozen=True, eq=False)
class Elman:
    """A plain recurrent network, one time step after the other; it records how often it is traced."""

    vocab: int = len(ALPHABET)
    hidden: int = 7
    traces: list[int] = field(default_factory=list)

    def init(self, seed: int = 0) -> dict[str, jax.Array]:
        keys = jax.random.split(jax.random.key(seed), 3)
        shapes = {
            "x": (self.vocab, self.hidden),
            "h": (self.hidden, self.hidden),
            "y": (self.hidden, self.vocab),
        }
        return {name: jax.random.normal(key, shapes[name]) for name, key in zip(shapes, keys, strict=True)}

    def initial_state(self, batch_size: int) -> dict[str, jax.Array]:
        return {"h": jnp.zeros((batch_size, self.hidden))}

    def apply(
        self, params: dict[str, Any], characters: Any, state: Any, *, key: Any = None, lengths: Any = None
    ) -> Any:
        assert key is None, "sampling uses no dropout"
        self.traces.append(characters.shape[0])
        live = jnp.inf if lengths is None else lengths

        def time_step(h: jax.Array, at: Any) -> Any:
            time, ids = at
            new = jnp.tanh(params["x"][ids] + h @ params["h"])
            h = jnp.where((time < live)[..., None], new, h)
            return h, h @ params["y"]

        h, logits = jax.lax.scan(time_step, state["h"], (jnp.arange(characters.shape[0]), characters))
        return logits, {"h": h}


@dataclass(frozen=True)
class Script:
    """Writes `params["texts"][row]` in each batch row, again and again, whatever it reads."""

    vocab: int = len(ALPHABET)

    @classmethod
    def of(cls, *texts: str) -> tuple["Script", dict[str, jax.Array]]:
        """The model and its parameters for `texts` of equal lengths."""
        return cls(), {"texts": jnp.array([Letters().encode(text) for text in texts])}

    def initial_state(self, batch_size: int) -> jax.Array:
        return jnp.zeros(batch_size, jnp.int32)

    def apply(
        self, params: dict[str, Any], characters: Any, state: Any, *, key: Any = None, lengths: Any = None
    ) -> Any:
        """The state counts the characters written; a prompt's reading is not counted."""
        assert key is None, "sampling uses no dropout"
        if lengths is not None:
            return jnp.zeros((*characters.shape, self.vocab)), state
        count, length = params["texts"].shape
        ids = params["texts"][jnp.arange(state.shape[0]) % count, state % length]
        return 100 * jax.nn.one_hot(ids, self.vocab)[None], state + 1


@dataclass(frozen=True)
class Steady:
    """Always the same probabilities, in proportion to `weights`."""

    weights: tuple[int, ...]

    def initial_state(self, batch_size: int) -> jax.Array:
        return jnp.zeros((batch_size, 0))

    def apply(
        self, _params: dict[str, Any], characters: Any, state: Any, *, key: Any = None, lengths: Any = None
    ) -> Any:
        assert key is None, "sampling uses no dropout"
        assert lengths is None, "it has nothing to read"
        logits = jnp.log(jnp.array(self.weights, jnp.float32))
        return jnp.broadcast_to(logits, (*characters.shape, len(self.weights))), state


@dataclass(frozen=True)
class Octets:
    """The 256 bytes of UTF-8."""

    size: int = 256
    never_written: tuple[int, ...] = ()
    end_id: None = None

    def encode(self, text: str, unknown: str = "error") -> np.ndarray:  # noqa: ARG002
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def decode(self, ids: Any) -> str:
        return bytes(ids).decode(errors="replace")

    def decoder(self) -> "OctetsDecoder":
        return OctetsDecoder()


class OctetsDecoder:
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Any) -> str:
        return self._decoder.decode(bytes(ids.tolist()))

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)


LETTERS, ELMAN = Letters(), Elman()
WEIGHTS = ELMAN.init()
"""Shared by the test files, so that they share compiled programs."""
KNOWN = Vocabulary.of_text(ALPHABET)
"""A vocabulary with the ids of `LETTERS`."""


def begin_session(
    prompt: str = "", vocabulary: Vocabulary = KNOWN, beginning: Beginning = NO_BEGINNING, **settings: Any
) -> Session:
    """A session of the shared model that has read `prompt`."""
    config = SamplingConfig(**settings)
    session = Session(Tape(Network(ELMAN, WEIGHTS, vocabulary, beginning, config.unknown), config))
    session.read(prompt)
    return session
