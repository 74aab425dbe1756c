"""What a command does before it computes. It is called once the flags are checked, since importing JAX is slow."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


def prepare_jax(*, keep_programs: bool = True) -> None:
    """Let JAX use all processor cores, and keep what it compiles in the cache. Call it before JAX starts."""
    with delaying_interrupts():
        from charloop.compilation_cache import enable_compilation_cache
        from charloop.devices import use_all_cores

    use_all_cores()
    if keep_programs:
        enable_compilation_cache()


@contextmanager
def delaying_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt after the block, not within: imports of compiled modules make other errors of it."""
    usual = signal.default_int_handler
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return
    came = list[int]()
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if came:
        raise KeyboardInterrupt
