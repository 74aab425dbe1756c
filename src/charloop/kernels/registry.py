"""The kernels of this process: each is compiled once, shared by all callers, and kept until the process ends.

XLA's programs hold the addresses of the kernels they call, so nothing that XLA may call is ever replaced or freed.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from jaxtyping import Array

from charloop.kernels.availability import KernelError
from charloop.kernels.compiler import EmittedKernel, name_handler, register_kernel
from charloop.kernels.emitting.signature import Signature


@dataclass(frozen=True)
class Kernel:
    """A kernel that XLA can call."""

    name: str
    signature: Signature

    def __call__(self, arrays: Mapping[str, Array], **sizes: int) -> dict[str, Array]:
        """Return the results, by name."""
        return self.signature.call(self.name, arrays, **sizes)


@dataclass
class _Entry:
    """A kernel in progress: its name is known once it is emitted, and it is ready once compiled."""

    emitted: Future[Kernel] = field(default_factory=Future)
    ready: Future[None] = field(default_factory=Future)


_lock = threading.Lock()
_entries: dict[Hashable, _Entry] = {}
_background: ContextVar[tuple[ThreadPoolExecutor, list[_Entry]] | None] = ContextVar(
    "background", default=None
)
"""The thread that compiles, and the kernels requested from it; None outside `compiled_in_background`."""


def find_kernel(key: Hashable, make: Callable[[], EmittedKernel]) -> Kernel:
    """Return the kernel of `key`; emit it by `make` and compile it if it does not exist. Concurrent callers share it.

    Inside `compiled_in_background` it may not be ready before the end of that context. Raises KernelError.
    """
    background = _background.get()
    with _lock:
        is_new = key not in _entries
        entry = _entries.setdefault(key, _Entry())
    if is_new:
        with _forgetting_failures(key, entry):
            emitted = make()
            name = name_handler(emitted)

            def compile_kernel() -> None:
                with _forgetting_failures(key, entry):
                    register_kernel(emitted, name)
                    entry.ready.set_result(None)

            entry.emitted.set_result(Kernel(name, emitted[2]))
            if background is None:
                compile_kernel()
            else:
                background[0].submit(compile_kernel)
    try:
        kernel = entry.emitted.result()
        if background is None:
            entry.ready.result()
        else:
            background[1].append(entry)
    except Exception as error:
        raise KernelError(f"a kernel cannot be compiled ({type(error).__name__}: {error})") from error
    return kernel


@contextmanager
def _forgetting_failures(key: Hashable, entry: _Entry) -> Iterator[None]:
    """Pass an error to all who wait for the kernel, and let the next request try again."""
    try:
        yield
    except BaseException as error:
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
        token = _background.set((worker, pending))
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
