"""What all tests share: two devices on any machine, programs compiled once a session, nothing left on the disk.

The environment is set before anything imports JAX, so that processes which a test starts have the same. Nothing of
charloop may be imported here: its types would go unchecked.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

SCRATCH = Path(tempfile.mkdtemp(prefix="charloop-tests-"))
"""One for each worker of pytest-xdist: JAX's cache of programs is not written atomically."""

COMPILE_QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
if version("jaxlib").startswith("0.10."):
    # Halves what a training step takes to compile. A later jaxlib knows no such flag, and ends where it meets one.
    COMPILE_QUICKLY += " --xla_cpu_use_fusion_emitters=false"

os.environ |= {
    "CHARLOOP_CACHE": str(SCRATCH / "cache"),
    "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
    "JAX_NUM_CPU_DEVICES": "2",
    # Most of a test is compiling. XLA_FLAGS= runs it as users do.
    "XLA_FLAGS": os.environ.get("XLA_FLAGS", COMPILE_QUICKLY),
    "JAX_COMPILATION_CACHE_DIR": str(SCRATCH / "programs"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


@pytest.fixture(scope="session", autouse=True)
def _scratch() -> Iterator[None]:
    yield
    shutil.rmtree(SCRATCH, ignore_errors=True)
