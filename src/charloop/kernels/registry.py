"""The kernels of this process: each is compiled once, whoever asks, and kept as long as the process lives.

XLA's programs hold the addresses of the kernels they call, so nothing that XLA may call is ever replaced or freed.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from jaxtyping import Array
from llvmlite import ir

from charloop.kernels.availability import KernelError
from charloop.kernels.compiler import name_handler, register_kernel
from charloop.kernels.emitting.signature import Signature

EmittedKernel = tuple[ir.Module, ir.Function, Signature]


@dataclass(frozen=True)
class Kernel:
    """A kernel that XLA can call."""

    name: str
    signature: Signature

    def __call__(self, arrays: Mapping[str, Array], **sizes: int) -> dict[str, Array]:
        """Return the results, by name."""
        return self.signature.call(self.name, arrays, **sizes)


class _Entry:
    """A kernel in progress: its name is known once it is emitted, and it is ready once compiled."""

    def __init__(self) -> None:
        self.emitted: Future[Kernel] = Future()
        self.ready: Future[None] = Future()


_lock = threading.Lock()
_entries: dict[Hashable, _Entry] = {}
_background: ContextVar["_Background | None"] = ContextVar("background", default=None)


@dataclass
class _Background:
    worker: ThreadPoolExecutor
    pending: list[_Entry]


def find_kernel(key: Hashable, make: Callable[[], EmittedKernel]) -> Kernel:
    """Return the kernel of `key`; emit it by `make` and compile it if it does not exist. Concurrent callers share it.

    Inside `compiled_in_background` it may not be ready before the end of that context. Raises KernelError.
    """
    background = _background.get()
    with _lock:
        entry = _entries.get(key)
        is_new = entry is None
        if entry is None:
            entry = _entries[key] = _Entry()
    if is_new:
        _begin(key, entry, make, background)
    try:
        kernel = entry.emitted.result()
        if background is None:
            entry.ready.result()
        else:
            background.pending.append(entry)
    except Exception as error:
        raise KernelError(f"a kernel cannot be compiled ({type(error).__name__}: {error})") from error
    return kernel


def _begin(
    key: Hashable, entry: _Entry, make: Callable[[], EmittedKernel], background: _Background | None
) -> None:
    """Emit in this thread; compile here or in the background."""
    try:
        module, function, signature = make()
        name = name_handler(module, signature)
        compile_it = partial(_compile, key, entry, module, function, signature, name)
        entry.emitted.set_result(Kernel(name, signature))
    except BaseException as error:
        _forget(key, entry, error)
        return
    if background is None:
        compile_it()
    else:
        background.worker.submit(compile_it)


def _compile(
    key: Hashable, entry: _Entry, module: ir.Module, function: ir.Function, signature: Signature, name: str
) -> None:
    try:
        register_kernel(module, function, signature, name)
    except BaseException as error:
        _forget(key, entry, error)
    else:
        entry.ready.set_result(None)


def _forget(key: Hashable, entry: _Entry, error: BaseException) -> None:
    """Pass the error to all waiting callers, and let the next request try again."""
    with _lock:
        _entries.pop(key, None)
    for future in (entry.emitted, entry.ready):
        if not future.done():
            future.set_exception(error)


@contextmanager
def compiled_in_background() -> Iterator[None]:
    """Compile the kernels requested inside on a background thread; all are ready at the end.

    LLVM runs beside the tracing because it does not need Python's lock. One thread suffices: llvmlite serialises
    calls. Raises KernelError at the end if a compilation failed: whatever was traced inside must then be traced
    again.
    """
    pending: list[_Entry] = []
    with ThreadPoolExecutor(1, "kernels") as worker:
        token = _background.set(_Background(worker, pending))
        try:
            yield
        finally:
            _background.reset(token)
    for entry in pending:
        error = entry.ready.exception()
        if error is not None:
            raise KernelError(f"a kernel cannot be compiled ({type(error).__name__}: {error})") from error


def count_kernels() -> int:
    """Return how many kernels this process has requested."""
    with _lock:
        return len(_entries)
