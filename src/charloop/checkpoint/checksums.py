"""Arrays in safetensors files with a checksum, which finds damage before it does harm; pytrees as such arrays."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from charloop.errors import CharloopError
from charloop.files.atomic import write_atomically

CHECKSUM = "sha256"
Tree = TypeVar("Tree")


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write `tensors` and `metadata` as one file, completely or not at all."""
    write_atomically(path, pack_file(tensors, metadata))


def pack_file(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Return the content of a file with `tensors` and `metadata`, which `load_tensors` reads."""
    arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    return sort_header(save(arrays, {**metadata, CHECKSUM: checksum(arrays, metadata)}))


def sort_header(content: bytes) -> bytes:
    """Return a safetensors file with a sorted header: the library's order of metadata differs between processes.

    The file has the length of the header in eight bytes, the header as JSON padded with spaces, and the arrays.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header = header.ljust(-(-len(header) // 8) * 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def load_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the metadata; CharloopError for a file that is missing, cut short or changed."""
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
        raise damaged(path, "its checksum does not match")
    return tensors, metadata


def memory_size() -> float:
    """Return the bytes of memory of this machine; infinity if they are unknown."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def damaged(path: Path, reason: str) -> CharloopError:
    """Return the error for a file that differs from what was written."""
    return CharloopError(
        f"{path} is damaged ({reason})", do="copy it again from an intact copy, or train again"
    )


def checksum(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of names, types, shapes and bytes, independent of their order in the file."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}\0{value.dtype}\0{value.shape}\0".encode())
        digest.update(np.asarray(value, order="C").data)
    return digest.hexdigest()


def pack_tree(tree: Any) -> dict[str, np.ndarray]:
    """Return each leaf by its path; random keys as the integers they consist of."""
    leaves, _ = tree_flatten_with_path(tree)
    return {keystr(path, simple=True, separator="/"): as_array(leaf) for path, leaf in leaves}


def unpack_tree(like: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """Return the tree that `pack_tree` packed, with the structure of `like`; CharloopError if they do not fit.

    The leaves of `like` may be arrays or only their shapes (`jax.eval_shape`).
    """
    leaves, structure = tree_flatten_with_path(like)
    names = [keystr(path, simple=True, separator="/") for path, _ in leaves]
    wrong = sorted(set(names) ^ set(arrays))
    if wrong:
        raise CharloopError("the saved state is of another model", got=wrong[0])
    for name, (_, leaf) in zip(names, leaves, strict=True):
        expected = jax.eval_shape(jax.random.key_data, leaf) if is_key(leaf) else leaf
        if arrays[name].shape != expected.shape or arrays[name].dtype != expected.dtype:
            got = f"{arrays[name].dtype}{list(arrays[name].shape)}"
            allowed = f"{expected.dtype}{list(expected.shape)}"
            raise CharloopError(f"the saved {name} does not fit the model", got=got, allowed=allowed)
    restored = [from_array(arrays[name], leaf) for name, (_, leaf) in zip(names, leaves, strict=True)]
    tree: Tree = jax.tree.unflatten(structure, restored)
    return tree


def is_key(leaf: Any) -> bool:
    """Return whether `leaf` is a random key, for which NumPy has no type."""
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def as_array(leaf: Any) -> np.ndarray:
    """Return a leaf as an array on the host."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def from_array(array: np.ndarray, like: Any) -> Any:
    """Return an array as a leaf of the type of `like`."""
    return jax.random.wrap_key_data(jnp.array(array)) if is_key(like) else jnp.array(array)
