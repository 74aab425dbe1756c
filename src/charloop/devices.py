"""A batch is shared out over devices: a processor's cores, or GPUs. The code that trains is the same."""

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
"""Of glibc's mallopt: M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX."""
MIN_LANES = 8
"""Fewer lanes than this a device, and sharing costs more than it saves."""


def count_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name_processor() -> str:
    """The processor's name, where the system tells."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def retain_freed_memory() -> None:
    """Let glibc keep the memory that a step gives back, for the next step; elsewhere nothing changes.

    Large blocks go back to the system otherwise, and to have them anew costs a sixth of a step of a 1 x 512 LSTM.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        for option in (NO_MAPPED_BLOCKS, NEVER_TRIM, ONE_ARENA):
            library.mallopt(*option)


def use_all_cores() -> None:
    """Let JAX see each core as a device; it must not have started yet, else nothing changes."""
    retain_freed_memory()
    if "jax_num_cpu_devices" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", count_cores())
    except RuntimeError:
        return


def choose_devices(batch_size: int, asked: int = 0) -> int:
    """How many devices share `batch_size` lanes: as `asked`, or the most that divide it and pay for it.

    Raises CharloopError where `asked` do not exist or do not divide the batch.
    """
    there = len(jax.devices())
    if asked > there:
        raise CharloopError("devices", got=asked, allowed=f"1 to {there} here, 0 to choose")
    if asked and batch_size % asked:
        raise CharloopError(f"{asked} devices cannot share a batch evenly", got=batch_size)
    fits = [n for n in range(1, there + 1) if batch_size % n == 0 and batch_size // n >= MIN_LANES]
    return asked or max(fits, default=1)


def make_mesh(devices: int) -> Mesh:
    """The first `devices` devices in a row."""
    return Mesh(np.array(jax.devices()[:devices]), (BATCH,))


def batch_sharding(mesh: Mesh, axis: int | None = None) -> NamedSharding:
    """How an array lies on the mesh: whole on each device, or cut along its batch `axis`."""
    spec = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, BATCH)
    return NamedSharding(mesh, spec)
