"""System calls that fail: each of those that write a checkpoint, one at a time."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

CALLS = ("open", "write", "fsync", "close", "replace", "unlink", "mkdir", "truncate", "ftruncate")
"""The functions of `os` that change a run's folder."""

WRITE = os.write

Act = Callable[[str, Callable[[], Any], tuple[Any, ...]], Any]
"""What happens instead of a call: receives its name, the function and its arguments."""


@contextlib.contextmanager
def at_call(number: int, act: Act) -> Iterator[list[str]]:
    """Do `act` instead of the call `number`, counted from 0; yield the list of the names of all calls."""
    made: list[str] = []
    before = {name: getattr(os, name) for name in CALLS}

    def watched(name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            made.append(name)
            real = lambda: before[name](*given, **named)  # noqa: E731
            return act(name, real, given) if len(made) == number + 1 else real()

        return call

    for name in CALLS:
        setattr(os, name, watched(name))
    try:
        yield made
    finally:
        for name, real in before.items():
            setattr(os, name, real)


def failing(error: int) -> Act:
    """The call does nothing and raises an error."""

    def act(name: str, real: Callable[[], Any], _given: tuple[Any, ...]) -> Any:
        if name == "close":
            real()
        raise OSError(error, os.strerror(error))

    return act


def failing_half_way(error: int) -> Act:
    """A write accepts half of its bytes, and then the disk is full."""

    def act(name: str, real: Callable[[], Any], given: tuple[Any, ...]) -> Any:
        if name == "write":
            write_half(*given)
        return failing(error)(name, real, given)

    return act


def short(name: str, real: Callable[[], Any], given: tuple[Any, ...]) -> Any:
    """A write accepts half of its bytes, without an error."""
    return write_half(*given) if name == "write" else real()


def killed(_name: str, _real: Callable[[], Any], _given: tuple[Any, ...]) -> Any:
    """The process dies before the call."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_half_way(name: str, real: Callable[[], Any], given: tuple[Any, ...]) -> Any:
    """The process dies in the middle of a write, just after any other call."""
    try:
        write_half(*given) if name == "write" else real()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def write_half(descriptor: int, content: Any) -> int:
    return WRITE(descriptor, memoryview(content)[: len(content) // 2])
