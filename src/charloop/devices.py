"""Divide a batch among devices: a processor's cores, or GPUs. The training code is the same for both."""

import ctypes
import os
import platform
import sys

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from charloop.errors import CharloopError

BATCH = "batch"
NO_MAPPED_BLOCKS, NEVER_TRIM, ONE_ARENA = (-4, 0), (-1, 2**31 - 1), (-8, 1)
"""Options of glibc's mallopt: M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX."""
MIN_ROWS_PER_DEVICE = 8
"""With fewer batch rows per device, dividing the batch costs more than it saves."""


def count_cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name_processor() -> str:
    """Return the processor's name, if the system reports it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def retain_freed_memory() -> None:
    """Let glibc keep the memory that a step frees for the next step; no effect without glibc.

    Otherwise large blocks return to the system, and allocating them again takes a sixth of a step of a 1 x 512 LSTM.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        for option in (NO_MAPPED_BLOCKS, NEVER_TRIM, ONE_ARENA):
            library.mallopt(*option)


def use_all_cores() -> None:
    """Let JAX treat each core as a device. It must be called before JAX starts; later it has no effect."""
    retain_freed_memory()
    if "jax_num_cpu_devices" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", count_cores())
    except RuntimeError:
        return


def choose_devices(batch_size: int, asked: int = 0) -> int:
    """Return how many devices share `batch_size` batch rows: `asked`, or else the most that suit that number.

    They suit it if they divide it evenly and each gets at least `MIN_ROWS_PER_DEVICE` rows.
    Raises CharloopError if there are not `asked` devices or they do not divide the batch.
    """
    there = len(jax.devices())
    if asked > there:
        raise CharloopError("devices", got=asked, allowed=f"1 to {there} here, 0 to choose")
    if asked and batch_size % asked:
        raise CharloopError(
            f"batch size for {asked} devices", got=batch_size, allowed=f"a multiple of {asked}"
        )
    fits = [n for n in range(1, there + 1) if batch_size % n == 0 and batch_size // n >= MIN_ROWS_PER_DEVICE]
    return asked or max(fits, default=1)


def make_mesh(devices: int) -> Mesh:
    """Return a mesh of the first `devices` devices."""
    return Mesh(np.array(jax.devices()[:devices]), (BATCH,))


def batch_sharding(mesh: Mesh, axis: int | None = None) -> NamedSharding:
    """Return how an array lies on the mesh: whole on each device, or split along its batch `axis`."""
    spec = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, BATCH)
    return NamedSharding(mesh, spec)
