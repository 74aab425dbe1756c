"""The one base error a user can act on: what is wrong, what was got, what is allowed, what to do."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


class CharloopError(Exception):
    """A mistake at the border that its reader can mend; the CLI prints it as one line and exits with 2.

    `what` names the thing that is wrong; `got`, `allowed` and `do` complete the sentence where they help.
    """

    def __init__(
        self, what: str, *, got: object = None, allowed: str | None = None, do: str | None = None
    ) -> None:
        self.what, self.got, self.allowed, self.do = what, got, allowed, do
        parts = [what if got is None else f"{what}: got {shown(got)}"]
        parts += [f"allowed: {allowed}"] if allowed else []
        parts += [do] if do else []
        super().__init__("; ".join(parts))

    def of(self, place: object) -> "CharloopError":
        """The same error, said of one of several places."""
        return CharloopError(f"{place}: {self.what}", got=self.got, allowed=self.allowed, do=self.do)


def shown(value: object) -> str:
    """`value` as it was given; of a number that Python does not print, that it is one."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"


def unknown_name(
    kind: str, name: str, names: Iterable[str], *, do: str | None = None, meant: str | None = None
) -> CharloopError:
    """The error for a name that is in no registry, with the nearest right one: `meant` where that is known."""
    names = sorted(names)
    near = [meant] if meant else difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else None
    return CharloopError(
        f"unknown {kind}",
        got=name,
        allowed=", ".join(names),
        do=" ".join(filter(None, [hint, do])) or None,
    )


def refusing_unknown(
    kind: str, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Kind], Kind]:
    """For a dataclass: an unknown keyword is a CharloopError with the nearest right one, not a TypeError.

    `kind` is what its fields are called; `elsewhere` says which of them other libraries' names mean.
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
