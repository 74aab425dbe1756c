"""A kernel's signature: what goes in and out, where sizes are read, and every array that does not match it."""

import jax
import jax.numpy as jnp
import pytest

from charloop.kernels.emitting.signature import Argument, Signature

SIGNATURE = Signature(
    (
        Argument("left", ("time", "batch", 3)),
        Argument("characters", ("time", "batch"), dtype="int32"),
        Argument("total", (3,), "inout"),
        Argument("found", ("time", 4), "out"),
        Argument("workspace", ("rows", 8), "scratch"),
    )
)
ARRAYS = {
    "left": jnp.zeros((5, 2, 3)),
    "characters": jnp.zeros((5, 2), jnp.int32),
    "total": jnp.zeros(3),
}


def test_each_argument_is_passed_in_or_allocated_or_both() -> None:
    assert [argument.name for argument in SIGNATURE.inputs] == ["left", "characters", "total"]
    assert [argument.name for argument in SIGNATURE.outputs] == ["total", "found", "workspace"]
    assert SIGNATURE.sizes == ("time", "batch", "rows")


def test_a_size_is_read_from_the_first_array_with_that_axis_inputs_first() -> None:
    assert SIGNATURE.locate("time") == (False, 0, 0)
    assert SIGNATURE.locate("batch") == (False, 0, 1)
    assert SIGNATURE.locate("rows") == (True, 2, 0)
    with pytest.raises(KeyError):
        SIGNATURE.locate("depth")


def test_arrays_that_match_give_their_sizes() -> None:
    assert SIGNATURE.check(ARRAYS) == {"time": 5, "batch": 2}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("left", jnp.zeros((5, 2, 4))),
        ("left", jnp.zeros((5, 2))),
        ("left", jnp.zeros((5, 2, 3, 1))),
        ("left", jnp.zeros((5, 2, 3), jnp.bfloat16)),
        ("characters", jnp.zeros((4, 2), jnp.int32)),
        ("characters", jnp.zeros((5, 3), jnp.int32)),
        ("characters", jnp.zeros((5, 2))),
        ("total", jnp.zeros(())),
    ],
    ids=["size", "rank below", "rank above", "type", "time", "batch", "float characters", "scalar"],
)
def test_an_array_that_does_not_match_is_named_with_both_shapes(name: str, wrong: jax.Array) -> None:
    with pytest.raises(TypeError, match=f"'{name}' is .*, not ") as caught:
        SIGNATURE.check(ARRAYS | {name: wrong})
    assert f"{wrong.dtype}{list(wrong.shape)}" in str(caught.value)


def test_a_missing_array_is_an_error_before_xla_sees_the_call() -> None:
    with pytest.raises(KeyError, match="total"):
        SIGNATURE.check({name: ARRAYS[name] for name in ("left", "characters")})
