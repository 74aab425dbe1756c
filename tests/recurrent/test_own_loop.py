"""docs/own-loop.md is correct: its code runs in the order of the page, and transformations do what it says."""

import re
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.devices import make_mesh
from charloop.errors import CharloopError
from charloop.recurrent import Recurrent
from choosing import mostly_slow

PAGE = (Path(__file__).parents[2] / "docs/own-loop.md").read_text("utf-8")
INPUTS = jax.random.normal(jax.random.key(1), (3, 2, 3))


def test_the_code_runs_in_the_order_it_is_read() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    namespace: dict[str, Any] = {}
    for number, code in enumerate(blocks):
        exec(compile(code, f"docs/own-loop.md, block {number + 1}", "exec"), namespace)


UNROLLINGS = ("fused", "xla", "scan", "static", "dynamic")
REFUSALS = {
    "jvp": 'unroll="scan"',
    "gradient of a gradient": 'unroll="scan"',
    "shard_map": "check_vma=False",
    "float64": "float32",
}
"""What the error of a refused transformation says to do."""


def table() -> dict[tuple[str, str], str]:
    """Return what the page's table says about each transformation and unrolling."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    named, *rows = (line for line in lines if len(line) == len(UNROLLINGS) + 1)
    assert tuple(named[1:]) == UNROLLINGS
    return {
        (row[0].strip("`"), unroll): said
        for row in rows
        for unroll, said in zip(UNROLLINGS, row[1:], strict=True)
    }


def problem(unroll: str) -> Any:
    layer = Recurrent("lstm", 5, unroll=unroll)
    params = layer.init(jax.random.key(0), 3)
    return params, lambda params, inputs: (layer.apply(params, inputs)[0] ** 2).sum(0).sum()


def sharded(loss: Any, params: Any, *, check: bool) -> Any:
    spec = jax.sharding.PartitionSpec
    over_rows = spec(None, "batch")

    def run(params: Any, inputs: Any) -> Any:
        return jax.lax.psum(jax.grad(loss)(params, inputs), "batch")

    return jax.shard_map(
        run, mesh=make_mesh(2), in_specs=(spec(), over_rows), out_specs=spec(), check_vma=check
    )(params, INPUTS)


def curved(loss: Any, params: Any) -> Any:
    """Return the gradient of a function of the gradient by the inputs."""
    return jax.grad(lambda params: (jax.grad(loss, 1)(params, INPUTS) ** 2).sum())(params)


def in_float64(loss: Any, params: Any) -> Any:
    with jax.enable_x64(True):
        return loss(params, jnp.array(np.asarray(INPUTS), jnp.float64))


TRANSFORMED: dict[str, Callable[[Any, Any], Any]] = {
    "jit": lambda loss, params: jax.jit(loss)(params, INPUTS),
    "grad": lambda loss, params: jax.grad(loss)(params, INPUTS),
    "value_and_grad": lambda loss, params: jax.value_and_grad(loss)(params, INPUTS),
    "vmap": lambda loss, params: jax.vmap(jax.grad(loss), (None, 0))(params, jnp.stack([INPUTS, -INPUTS])),
    "remat": lambda loss, params: jax.grad(jax.checkpoint(loss))(params, INPUTS),
    "jvp": lambda loss, params: jax.jvp(lambda x: loss(params, x), (INPUTS,), (INPUTS,)),
    "gradient of a gradient": lambda loss, params: curved(loss, params),
    "shard_map with check_vma=False": lambda loss, params: sharded(loss, params, check=False),
    "shard_map": lambda loss, params: sharded(loss, params, check=True),
    "float64": lambda loss, params: in_float64(loss, params),
}


@cache
def of_scan(name: str) -> Any:
    """Return the result of JAX's own loop."""
    params, loss = problem("scan")
    return jax.jit(partial(TRANSFORMED[name], loss))(params)


@pytest.mark.parametrize(
    ("name", "unroll"),
    # What JAX does to its own loops is the slow suite's.
    mostly_slow(
        product(TRANSFORMED, UNROLLINGS),
        lambda case: case[1] == "fused" or case in (("grad", "xla"), ("vmap", "xla"), ("jvp", "xla")),
    ),
)
def test_a_transformation_does_what_the_table_says(name: str, unroll: str) -> None:
    params, loss = problem(unroll)
    said = table()[name, unroll]
    if said == "refused":
        with pytest.raises(CharloopError, match=re.escape(REFUSALS[name])):
            TRANSFORMED[name](loss, params)
        return
    assert said in ("yes", "one by one")
    expected = of_scan(name.replace("shard_map with check_vma=False", "grad"))
    found = jax.jit(partial(TRANSFORMED[name], loss))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, expected)


def test_the_table_has_each_transformation() -> None:
    assert {name for name, _ in table()} == set(TRANSFORMED)


@pytest.mark.parametrize(
    ("unroll", "kind"),
    mostly_slow(
        [("fused", "float16"), *((name, "bfloat16") for name in UNROLLINGS)],
        lambda case: case in (("fused", "float16"), ("xla", "bfloat16")),
    ),
)
def test_half_floats_are_widened(unroll: str, kind: str) -> None:
    params, loss = problem(unroll)
    rounded = {name: value.astype(kind) for name, value in params.items()}
    gradient = jax.grad(loss)(rounded, INPUTS)
    expected = jax.grad(loss)({name: value.astype("float32") for name, value in rounded.items()}, INPUTS)
    for name in expected:
        assert gradient[name].dtype == kind
        np.testing.assert_allclose(np.float32(gradient[name]), expected[name], rtol=0.02, atol=0.02)
