"""The training step's kernels, compiled while XLA compiles what makes the first weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from charloop.engines import XLA
from charloop.kernels import KernelError
from charloop.training.session import Session


@contextmanager
def compiled_beside(session: Session) -> Iterator[None]:
    """Trace the step of `session`; its kernels are ready when what stands inside is done.

    Where one cannot be compiled, what was traced is forgotten: the first call traces again, tries again, and runs
    XLA's loop if that fails too.
    """
    if session.model.engine == XLA:
        yield
        return
    # Imported here: LLVM.
    from charloop.kernels.registry import compiled_in_background

    try:
        with compiled_in_background():
            session.trace()
            yield
    except KernelError:
        jax.clear_caches()
