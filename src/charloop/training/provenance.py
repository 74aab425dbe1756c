"""The libraries, devices and processor that the bits of a run depend on: recorded, and compared on resuming."""

import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jax.sharding import Mesh

from charloop.devices import count_cores, name_processor
from charloop.training.session import TrainingSession

LIBRARIES = ("charloop", "jax", "jaxlib", "optax", "llvmlite", "numpy")


def current_provenance(mesh: Mesh, step: int) -> dict[str, Any]:
    """Return what this process makes the updates after `step` with."""
    device = mesh.devices.flat[0]
    return {
        "from_step": step,
        **{name: library_version(name) for name in LIBRARIES},
        "devices": mesh.size,
        "device": name_processor() if device.platform == "cpu" else device.device_kind,
        "cores": count_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def update_provenance(session: TrainingSession, step: int) -> tuple[TrainingSession, list[str]]:
    """Return `session` with what it continues with at `step` recorded, and a note if that has changed."""
    before, now = session.folder.made_with, current_provenance(session.mesh, step)
    found = compare_provenance(dict(before[-1]), now) if before else None
    if found is None:
        return session, []
    folder = replace(session.folder, made_with=(*before, now))
    return replace(session, folder=folder), [f"{found}: not bit-equal from here"]


def compare_provenance(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Return e.g. "made with jax 0.10.1, 2 devices, now jax 0.10.2, 1 device"; None if nothing has changed."""
    names = [name for name in now if name != "from_step" and before.get(name) != now[name]]
    if not names:
        return None
    was, is_now = (
        ", ".join(describe_part(name, stretch.get(name)) for name in names) for stretch in (before, now)
    )
    return f"made with {was}, now {is_now}"


def describe_part(name: str, value: Any) -> str:
    """Return one part in words."""
    match name:
        case "devices" | "cores":
            return f"{value} {name if value != 1 else name[:-1]}"
        case "device" | "system":
            return str(value)
        case "xla_flags":
            return f"XLA_FLAGS={value!r}"
    return f"{name} {value}"


def library_version(name: str) -> str | None:
    """Return the version of an installed library; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
