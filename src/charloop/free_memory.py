"""How much memory this process can still get: of the system, of its control groups, of a GPU."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import jax

ROOT = Path("/")
_VERSIONS = (
    ("memory.max", "memory.current", ""),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)
"""The files of a control group, versions 2 and 1, and how its memory.stat begins the names of what it totals."""


def free_memory(device: jax.Device, root: Path = ROOT) -> int | None:
    """Return how many bytes programs on `device` can still get, swap included; None if the system does not tell.

    Of a processor's cores, all of them share this memory.
    """
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0) if "bytes_limit" in stats else None
    return min((*_system(root), *_control_groups(root)), default=None)


def _system(root: Path) -> Iterator[int]:
    """Yield what the system has free; where it does not say, all that it has."""
    text = _read(root / "proc/meminfo")
    found = dict(re.findall(r"^(MemAvailable|SwapFree):\s*(\d+) kB$", text, re.MULTILINE))
    if "MemAvailable" in found:
        yield 1024 * sum(map(int, found.values()))
    elif root == ROOT and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _control_groups(root: Path) -> Iterator[int]:
    """Yield what each control group that this process is in has left of its limit."""
    base = root / "sys/fs/cgroup"
    lines = (line.split(":", 2) for line in _read(root / "proc/self/cgroup").splitlines())
    for _, controllers, name in (line for line in lines if len(line) == 3):
        if controllers in ("", "memory"):
            # A container may see its own group as the topmost.
            inner = Path(name.lstrip("/"))
            for group in dict.fromkeys((inner, *inner.parents, Path())):
                yield from _left_of(base / controllers / group)


def _left_of(group: Path) -> Iterator[int]:
    for limit, usage, prefix in _VERSIONS:
        allowed, used = _read(group / limit).strip(), _read(group / usage).strip()
        if allowed.isdigit() and used.isdigit():
            # Pages of files, also those read twice, are given up before a process is refused memory.
            pages = rf"^{prefix}(?:in)?active_file (\d+)$"
            spare = re.findall(pages, _read(group / "memory.stat"), re.MULTILINE)
            yield max(0, int(allowed) - int(used) + sum(map(int, spare)))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError):
        return ""
