"""docs/own-loop.md is true: its code runs in the order it is read, and transformations do what it says."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.devices import make_mesh
from charloop.errors import CharloopError
from charloop.recurrent import Recurrent

PAGE = (Path(__file__).parents[2] / "docs/own-loop.md").read_text("utf-8")
INPUTS = jax.random.normal(jax.random.key(1), (4, 2, 3))
REFUSED_FORWARDS = {"fused", "xla", "dynamic"}


def test_the_code_runs_in_the_order_it_is_read() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    namespace: dict[str, Any] = {}
    for number, code in enumerate(blocks):
        exec(compile(code, f"docs/own-loop.md, block {number + 1}", "exec"), namespace)


def problem(unroll: str) -> Any:
    layer = Recurrent("lstm", 5, unroll=unroll)
    params = layer.init(jax.random.key(0), 3)
    return params, lambda params, inputs: (layer.apply(params, inputs)[0] ** 2).sum(0).sum()


@pytest.mark.parametrize("unroll", ["fused", "xla", "scan", "dynamic"])
def test_transformations_do_what_the_page_says(unroll: str) -> None:
    params, loss = problem(unroll)
    gradient = jax.jit(jax.grad(loss))(params, INPUTS)
    both = jnp.stack([INPUTS, 2 * INPUTS])
    mapped = jax.vmap(jax.grad(loss), (None, 0))(params, both)
    remade = jax.value_and_grad(jax.checkpoint(loss))(params, INPUTS)[1]
    for name, value in gradient.items():
        np.testing.assert_allclose(mapped[name][0], value, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(remade[name], value, rtol=1e-4, atol=1e-5)
    if unroll in REFUSED_FORWARDS:
        with pytest.raises(CharloopError, match='unroll="scan"'):
            jax.jvp(lambda x: loss(params, x), (INPUTS,), (INPUTS,))
    else:
        jax.jvp(lambda x: loss(params, x), (INPUTS,), (INPUTS,))


@pytest.mark.parametrize("unroll", ["fused", "xla", "scan", "dynamic"])
def test_shard_map_works_where_it_does_not_check(unroll: str) -> None:
    params, loss = problem(unroll)
    spec = jax.sharding.PartitionSpec
    lanes = spec(None, "batch")

    def gradient(*, check: bool) -> Any:
        def run(params: Any, inputs: Any) -> Any:
            return jax.lax.psum(jax.grad(loss)(params, inputs), "batch")

        return jax.shard_map(
            run, mesh=make_mesh(2), in_specs=(spec(), lanes), out_specs=spec(), check_vma=check
        )(params, INPUTS)

    found, expected = gradient(check=False), jax.grad(loss)(params, INPUTS)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    with pytest.raises(CharloopError, match="check_vma=False"):
        gradient(check=True)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_floats_are_widened(kind: str) -> None:
    params, loss = problem("fused")
    halves = {name: value.astype(kind) for name, value in params.items()}
    gradient = jax.grad(loss)(halves, INPUTS)
    expected = jax.grad(loss)({name: value.astype("float32") for name, value in halves.items()}, INPUTS)
    for name in expected:
        assert gradient[name].dtype == kind
        np.testing.assert_allclose(np.float32(gradient[name]), expected[name], rtol=0.02, atol=0.02)
