"""Kernels compiled while JAX goes on tracing: LLVM's work needs no Python, and tracing is nothing else."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

Work = Callable[[], None]

_submit: ContextVar[Callable[[Work], None] | None] = ContextVar("submit", default=None)


@contextmanager
def compiled_in_background() -> Iterator[None]:
    """Kernels asked for inside are ready at the end; whoever runs them earlier finds no such kernel.

    One thread: llvmlite lets one in at a time.
    """
    pending: list[Future[None]] = []
    with ThreadPoolExecutor(1, "kernels") as worker:
        token = _submit.set(lambda work: pending.append(worker.submit(work)))
        try:
            yield
        finally:
            _submit.reset(token)
    for future in pending:
        future.result()


def do(work: Work) -> None:
    """At once; or, inside `compiled_in_background`, soon."""
    submit = _submit.get()
    if submit is None:
        work()
    else:
        submit(work)
