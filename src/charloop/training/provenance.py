"""What the bits of a run depend on besides its configuration: libraries, devices, processor. Kept, and compared."""

import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jax.sharding import Mesh

from charloop.devices import count_cores, name_processor
from charloop.training.session import Session

LIBRARIES = ("charloop", "jax", "jaxlib", "optax", "llvmlite", "numpy")


def made_with(mesh: Mesh, step: int) -> dict[str, Any]:
    """What the updates after `step` are made with, here and now."""
    device = mesh.devices.flat[0]
    return {
        "from_step": step,
        **{name: installed(name) for name in LIBRARIES},
        "devices": mesh.size,
        "device": name_processor() if device.platform == "cpu" else device.device_kind,
        "cores": count_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def made_now(session: Session, step: int) -> tuple[Session, list[str]]:
    """`session` with what it goes on with at `step` noted in its folder; a line to say if that is not the same."""
    before, now = session.folder.made_with, made_with(session.mesh, step)
    found = differences(dict(before[-1]), now) if before else None
    if found is None:
        return session, []
    folder = replace(session.folder, made_with=(*before, now))
    return replace(session, folder=folder), [f"{found}: not bit-equal from here"]


def differences(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """`made with jax 0.10.1 on 2 devices, now jax 0.10.2 on 1 device`; None if there are none."""
    names = [name for name in now if name != "from_step" and before.get(name) != now[name]]
    if not names:
        return None
    was, is_now = (", ".join(words(name, stretch.get(name)) for name in names) for stretch in (before, now))
    return f"made with {was}, now {is_now}"


def words(name: str, value: Any) -> str:
    """A part of it for people."""
    match name:
        case "devices" | "cores":
            return f"{value} {name if value != 1 else name[:-1]}"
        case "device" | "system":
            return str(value)
        case "xla_flags":
            return f"XLA_FLAGS={value!r}"
    return f"{name} {value}"


def installed(name: str) -> str | None:
    """The version of a library; None if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
