"""Any pytree as named arrays and back, so that a training state is a safetensors file too."""

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from charloop.errors import CharloopError

Tree = TypeVar("Tree")


def pack_tree(tree: Any) -> dict[str, np.ndarray]:
    """Each leaf under its path; random keys as the words they are made of."""
    leaves, _ = tree_flatten_with_path(tree)
    return {keystr(path, simple=True, separator="/"): as_array(leaf) for path, leaf in leaves}


def unpack_tree(like: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """The tree that `pack_tree` took apart, in the shape of `like`; CharloopError where they do not fit.

    The leaves of `like` may be arrays or only their shapes (`jax.eval_shape`).
    """
    leaves, structure = tree_flatten_with_path(like)
    names = [keystr(path, simple=True, separator="/") for path, _ in leaves]
    wrong = sorted(set(names) ^ set(arrays))
    if wrong:
        raise CharloopError("the saved state is another model's", got=wrong[0])
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
    """Whether `leaf` is a random key, which NumPy has no type for."""
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def as_array(leaf: Any) -> np.ndarray:
    """A leaf on the host."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def from_array(array: np.ndarray, like: Any) -> Any:
    """A leaf of the kind of `like`."""
    return jax.random.wrap_key_data(jnp.array(array)) if is_key(like) else jnp.array(array)
