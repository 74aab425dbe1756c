"""Arrays are read bit for bit; any change of the file is one error that names it."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from charloop.checkpoint import load_tensors, pack_tree, save_tensors, unpack_tree
from charloop.config import ModelConfig, TrainingConfig
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.optimizer import make_optimizer
from charloop.training.state import initial_training_state
from refusing import refused

ARRAYS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "number": np.array(7, np.int32),
    "key": np.array([1, 2**32 - 1], np.uint32),
    "nothing": np.zeros((0, 3), np.float32),
    "strange": np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
}
METADATA = {"vocabulary": "abc", "facts": '{"é": 1}'}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_tensors(tmp_path / "some.safetensors", ARRAYS, METADATA)
    return tmp_path / "some.safetensors"


def test_what_was_saved_is_loaded_bit_for_bit(saved: Path) -> None:
    tensors, metadata = load_tensors(saved)
    assert metadata == METADATA
    assert tensors.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert (tensors[name].shape, tensors[name].dtype) == (value.shape, value.dtype)
        assert tensors[name].tobytes() == value.tobytes()


def test_an_array_that_is_a_view_is_saved_as_it_looks(tmp_path: Path) -> None:
    view = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    save_tensors(tmp_path / "view", {"view": view}, {})
    assert np.array_equal(load_tensors(tmp_path / "view")[0]["view"], view)


def assert_refused(path: Path) -> None:
    with refused(f"{path} is damaged" if path.is_file() else f"{path} is missing", do="cop"):
        load_tensors(path)


@pytest.mark.parametrize("share", [0, 0.001, 0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    assert_refused(saved)


def test_any_bit_that_flips_is_found(saved: Path) -> None:
    """One bit of every byte of the header and the data."""
    content = saved.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << (position * 3 % 8)
        saved.write_bytes(damaged)
        assert_refused(saved)


def test_bytes_that_were_added_are_found(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    assert_refused(saved)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\x80\x04K\x01.", b"\xff" * 64, b"\0" * 64, b"PK\x03\x04" * 20]
)
def test_another_kind_of_file_is_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    assert_refused(saved)


def test_a_file_without_our_checksum_is_refused(saved: Path) -> None:
    save_file(ARRAYS, saved)
    assert_refused(saved)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path / "some.safetensors")
    (tmp_path / "some.safetensors").mkdir()
    assert_refused(tmp_path / "some.safetensors")


@pytest.fixture(scope="module")
def state():
    """A random training state in its third step."""
    model = CharLM.build(ModelConfig(num_layers=2, hidden_size=7, embed_size=5), 11)
    made = initial_training_state(model, make_optimizer(TrainingConfig()), 2, seed=3)
    random = np.random.default_rng(0)

    def fill(leaf):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        return jnp.array(random.normal(3, 1, leaf.shape)).astype(leaf.dtype)

    return jax.tree.map(fill, made)


def test_a_training_state_comes_back_bit_for_bit(tmp_path: Path, state) -> None:
    packed = pack_tree(state)
    save_tensors(tmp_path / "state", packed, {})
    again = unpack_tree(jax.tree.map(jnp.zeros_like, state), load_tensors(tmp_path / "state")[0])
    assert jax.tree.structure(again) == jax.tree.structure(state)
    for before, after in zip(jax.tree.leaves(state), jax.tree.leaves(again), strict=True):
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
    repacked = pack_tree(again)
    assert all(packed[name].tobytes() == repacked[name].tobytes() for name in packed)


def test_all_of_it_is_saved_under_names_that_say_what_it_is(state) -> None:
    names = set(pack_tree(state))
    assert len(names) == len(jax.tree.leaves(state))
    assert {"step", "key", "params/readout.weight", "carry/0/hidden", "carry/1/cell"} <= names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", np.zeros(1, np.int32)),
        ("step", np.array(1, np.float32)),
        ("params/readout.bias", np.zeros(12, np.float32)),
        ("params/readout.bias", None),
        ("params/other", np.zeros(1, np.float32)),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state, name: str, value: np.ndarray | None) -> None:
    arrays = pack_tree(state) | {name: value}
    arrays = {key: array for key, array in arrays.items() if array is not None}
    with pytest.raises(CharloopError, match=name):
        unpack_tree(state, arrays)
