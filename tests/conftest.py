"""What all tests share: two devices on any machine, programs compiled once per session, nothing left on the disk.

The environment is set before anything imports JAX, so that the processes that a test starts have the same. Nothing of
charloop may be imported here: its types would go unchecked.
"""

import gc
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import jaxtyping

from skip_summary import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

SHARED = Path(os.environ.get("CHARLOOP_TESTS") or tempfile.mkdtemp(prefix="charloop-tests-"))
"""A folder for all workers of pytest-xdist; the first process that comes here makes it, and removes it."""
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

COMPILE_QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
# One part per program: splitting it costs more than two cores save.
COMPILE_QUICKLY += " --xla_cpu_parallel_codegen_split_count=1"
if version("jaxlib").startswith("0.10."):
    # Halves the compile time of a training step. A later jaxlib does not know the flag, and exits when it meets one.
    COMPILE_QUICKLY += " --xla_cpu_use_fusion_emitters=false"

os.environ |= {
    "CHARLOOP_TESTS": str(SHARED),
    "CHARLOOP_CACHE": str(SHARED / "cache"),
    "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
    "JAX_NUM_CPU_DEVICES": "2",
    # Compiling takes most of a test's time. XLA_FLAGS= runs the tests with XLA's default flags, as users do.
    "XLA_FLAGS": os.environ.get("XLA_FLAGS", COMPILE_QUICKLY),
    # One folder for each worker, because JAX does not write its programs atomically.
    "JAX_COMPILATION_CACHE_DIR": str(SHARED / f"programs{WORKER}"),
    # Reading a program from the disk takes longer than compiling one that is quicker than this.
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # Otherwise each traced operation keeps the stack that it was called from.
    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
}

gc.set_threshold(20_000, 10, 20)
"""Tracing makes millions of small objects, and few of them are part of a cycle."""


def modules_with_shapes() -> list[str]:
    """Return the modules with shapes in a signature. mypy checks the rest: all of them take a sixth longer."""
    source = Path(__file__).parents[1] / "src"
    found = [path for path in source.rglob("*.py") if "from jaxtyping import" in path.read_text("utf-8")]
    parts = (path.relative_to(source).with_suffix("").parts for path in found)
    return [".".join(names).removesuffix(".__init__") for names in parts]


jaxtyping.install_import_hook(modules_with_shapes(), "beartype.beartype")


def pytest_unconfigure() -> None:
    """Remove the shared folder."""
    if not WORKER:
        shutil.rmtree(SHARED, ignore_errors=True)
