"""The error that a user can act on: what is wrong, what was got, what is allowed, what to do."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


class CharloopError(Exception):
    """An error that its reader can correct; the CLI prints it as one line and exits with 2.

    `what` names what is wrong; `got`, `allowed` and `do` (what to do) complete the message if given.
    """

    def __init__(
        self, what: str, *, got: object = None, allowed: str | None = None, do: str | None = None
    ) -> None:
        self.what, self.got, self.allowed, self.do = what, got, allowed, do
        parts = [what if got is None else f"{what}: got {shown(got)}"]
        parts += [f"allowed: {allowed}"] if allowed else []
        parts += [do] if do else []
        super().__init__("; ".join(parts))

    def of(self, thing: object) -> "CharloopError":
        """Return the same error, named as one of `thing`: a run, a file."""
        return CharloopError(f"{thing}: {self.what}", got=self.got, allowed=self.allowed, do=self.do)


class UntrainableError(CharloopError):
    """The error of a run whose settings are the cause: it has diverged, or it needs more memory than is free."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory has run out: NumPy's, or XLA's."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def shown(value: object) -> str:
    """Return `value` as it was given; Python refuses to print a number of thousands of digits."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"


def unknown_name(
    kind: str, name: str, names: Iterable[str], *, do: str | None = None, meant: str | None = None
) -> CharloopError:
    """Return the error for an unknown name, with the nearest known one, or with `meant`."""
    names = sorted(names)
    near = [meant] if meant else difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else None
    return CharloopError(
        f"unknown {kind}",
        got=name,
        allowed=", ".join(name if name.isprintable() else repr(name) for name in names),
        do=" ".join(filter(None, [hint, do])) or None,
    )


def refusing_unknown(
    kind: str, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Kind], Kind]:
    """Decorate a dataclass: an unknown keyword raises CharloopError with the nearest known one, not TypeError.

    `kind`: what its fields are called. `elsewhere`: names of other libraries or former versions, and ours for them.
    """

    def decorate(cls: Kind) -> Kind:
        decorated: Any = cls
        made = decorated.__init__

        @wraps(made)
        def init(self: Any, *values: Any, **named: Any) -> None:
            names = [field.name for field in fields(cls)]
            for name in named:
                if name not in names:
                    raise unknown_name(kind, name, names, meant=elsewhere.get(name))
            made(self, *values, **named)

        decorated.__init__ = init
        return cls

    return decorate
