"""Tensors in the files that PyTorch and safetensors write, as arrays of float32 by name."""

import errno
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError, deserialize

from charloop.checkpoint.checksums import memory_size
from charloop.errors import CharloopError

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""NumPy's types by those of safetensors; it has no bfloat16, whose bits are the upper half of a float32."""


def read_state(path: Path) -> Mapping[str, Any]:
    """Return the tensors in a file, by name. Raises CharloopError for one that cannot be read, or only by PyTorch."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        if status.st_size > memory_size():
            raise OSError(errno.EFBIG, "larger than this machine's memory")
        content = path.read_bytes() if path.suffix == ".safetensors" else None
    except (OSError, ValueError) as error:
        raise CharloopError(f"cannot read {path} ({getattr(error, 'strerror', error)})") from None
    if content is None:
        return read_with_torch(path)
    try:
        return {name: unpack(name, **tensor) for name, tensor in deserialize(content)}
    except (SafetensorError, ValueError) as error:
        raise CharloopError(f"{path} is not a safetensors file ({error})") from None


def unpack(name: str, dtype: str, shape: list[int], data: bytes | bytearray) -> np.ndarray:
    """Return a tensor of a safetensors file; one of integers, which no network has, without its numbers."""
    if dtype not in TYPES:
        if dtype.startswith("F"):
            raise CharloopError(f"the type of {name}", got=dtype, allowed=", ".join(TYPES))
        return np.zeros(0, int)
    array = np.frombuffer(data, TYPES[dtype])
    if dtype == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)


def read_with_torch(path: Path) -> Mapping[str, Any]:
    """Return what PyTorch has saved. With `weights_only`, it runs no code of the file."""
    try:
        import torch
    except ImportError:
        raise CharloopError(
            f"reading {path} needs PyTorch, which is not installed here",
            do="install torch, or save it as X.safetensors with safetensors.torch.save_file(model.state_dict(), ...)",
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its reader and zipfile raise
        raise CharloopError(
            f"{path} is not a file of weights alone ({type(error).__name__})",
            do="write it with torch.save(model.state_dict(), FILE)",
        ) from None
    if not isinstance(found, Mapping):
        raise CharloopError(f"the content of {path}", got=type(found).__name__, allowed="a state dict")
    return found


def gather_arrays(state: Mapping[str, Any]) -> dict[str, Float32[np.ndarray, "..."]]:
    """Return the tensors of floating-point numbers, by name. Raises CharloopError for numbers that are not finite."""
    try:
        found = sorted(flatten(state).items())
    except RecursionError:
        raise CharloopError(
            "the dictionaries of the state dict are nested too deeply",
            do="write it with torch.save(model.state_dict(), FILE)",
        ) from None
    arrays = {name: as_float32(name, value) for name, value in found}
    return {name: value for name, value in arrays.items() if value is not None}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what is in a checkpoint's dictionaries, such as {"model": {...}, "step": 1}, by names with dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        more = (
            flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
        found |= more
    return found


def as_float32(name: str, value: Any) -> Float32[np.ndarray, "..."] | None:
    """Return a tensor or array of floating-point numbers; None for anything else."""
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu()
            value = (value.float() if value.is_floating_point() else value).numpy()
        except (TypeError, RuntimeError) as error:  # sparse, quantized, on the device "meta"
            reason = str(error).partition("\n")[0]
            raise CharloopError(f"{name} has no plain numbers ({reason})", do="save dense tensors") from None
    array = np.asarray(value) if hasattr(value, "shape") else np.zeros(0, int)
    if array.dtype.kind != "f":
        return None
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise CharloopError(
            f"{name} has numbers that are not finite", do="choose weights from before training diverged"
        )
    return array
