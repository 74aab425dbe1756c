"""Arrays in a safetensors file that carries a checksum of itself: damage is found before it does harm."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from charloop.errors import CharloopError
from charloop.files.atomic import write_atomically

CHECKSUM = "sha256"


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write `tensors` and `metadata` as one file, whole or not at all."""
    arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    write_atomically(path, in_order(save(arrays, {**metadata, CHECKSUM: checksum(arrays, metadata)})))


def in_order(content: bytes) -> bytes:
    """A safetensors file with its header sorted: the library's order of metadata is another in each process.

    The file is the header's length in eight bytes, the header, which is JSON padded by spaces, and the arrays.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header = header.ljust(-(-len(header) // 8) * 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def load_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the metadata; CharloopError for a file that is missing, cut short or changed."""
    if not path.is_file():
        raise CharloopError(f"{path} is missing", do="the run has no weights yet, or was copied in part")
    if path.stat().st_size > memory_size():
        raise damaged(path, "it is larger than this machine's memory")
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, UnicodeDecodeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise damaged(path, reason) from None
    if metadata.pop(CHECKSUM, None) != checksum(tensors, metadata):
        raise damaged(path, "its checksum does not fit")
    return tensors, metadata


def memory_size() -> float:
    """Bytes of memory that the machine has; without end where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def damaged(path: Path, reason: str) -> CharloopError:
    """The error for a file that is not what was written."""
    return CharloopError(
        f"{path} is damaged ({reason})", do="copy it again from where it was whole, or train again"
    )


def checksum(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """SHA-256 over names, types, shapes and bytes, whatever their order in the file."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}\0{value.dtype}\0{value.shape}\0".encode())
        digest.update(np.asarray(value, order="C").data)
    return digest.hexdigest()
