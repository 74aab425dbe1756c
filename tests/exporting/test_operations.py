"""Each operation that a step may have, in each form: one cell has them all, one in each of its units."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.nn import sigmoid

from charloop.cells import Cell, blocks, linear
from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.exporting import ExportedNetwork, export
from charloop.given import CellObject
from charloop.kernels.tracing.program import REDUCTIONS
from charloop.kernels.tracing.rules import ELEMENTWISE
from charloop.model import CharLM
from charloop.trained import TrainedModel
from exporting import test_javascript, test_numpy, test_onnx, test_torch
from exporting.in_c import NetworkInC
from exporting.networks import compute_logits, draw_params

Row = Any
TOKENS = np.random.default_rng(7).integers(0, 256, 40).astype(np.int32)


@dataclass(frozen=True)
class Given:
    """What an operation is computed from: two rows of moderate numbers, and two parameters."""

    a: Row
    b: Row
    row: Row
    number: Row

    @property
    def positive(self) -> Row:
        return jnp.abs(self.a) + 0.05

    @property
    def proper(self) -> Row:
        """Above -1 and below 1."""
        return 0.95 * jnp.tanh(self.a)

    @property
    def few(self) -> tuple[Row, Row]:
        """Each -1 or 1, so that many are equal."""
        return jnp.sign(self.a), jnp.sign(self.b)


OPERATIONS: dict[str, Callable[[Given], Row]] = {
    "add": lambda g: g.a + g.b,
    "sub": lambda g: g.a - g.b,
    "mul": lambda g: g.a * g.b,
    "div": lambda g: g.b / g.positive,
    "max": lambda g: jnp.maximum(g.a, g.b),
    "min": lambda g: jnp.minimum(g.a, g.b),
    "neg": lambda g: -g.a,
    "abs": lambda g: jnp.abs(g.a),
    "sign": lambda g: jnp.sign(g.a),
    "sign of 0": lambda g: jnp.sign(g.a - g.a) + 2,
    "square": lambda g: jnp.square(g.a),
    "exp": lambda g: jnp.exp(g.a),
    "exp of much": lambda g: 1 / (1 + jnp.exp(60 * g.a)),
    "log": lambda g: jnp.log(g.positive),
    "tanh": lambda g: jnp.tanh(5 * g.a),
    "logistic": lambda g: sigmoid(20 * g.a),
    "erf": lambda g: lax.erf(g.a),
    "rsqrt": lambda g: lax.rsqrt(g.positive),
    "sqrt": lambda g: jnp.sqrt(g.positive),
    "lt": lambda g: jnp.where(lax.lt(*g.few), 1.0, 2.0),
    "le": lambda g: jnp.where(lax.le(*g.few), 1.0, 2.0),
    "gt": lambda g: jnp.where(lax.gt(*g.few), 1.0, 2.0),
    "ge": lambda g: jnp.where(lax.ge(*g.few), 1.0, 2.0),
    "eq": lambda g: jnp.where(lax.eq(*g.few), 1.0, 2.0),
    "ne": lambda g: jnp.where(lax.ne(*g.few), 1.0, 2.0),
    "and": lambda g: jnp.where((g.a > 0) & (g.b > 0), 1.0, 2.0),
    "or": lambda g: jnp.where((g.a > 0) | (g.b > 0), 1.0, 2.0),
    "not": lambda g: jnp.where(~(g.a > 0), 1.0, 2.0),
    "select_n": lambda g: jnp.where(g.a > g.b, g.a, g.number),
    "select_n of truths": lambda g: jnp.where(jnp.where(g.a > 0, g.b > 0, g.b < g.a), 1.0, 2.0),
    "to_float32": lambda g: (g.a > 0).astype(jnp.float32),
    "to_bool": lambda g: jnp.where((g.a > 0) & np.ones(g.a.shape, bool), 1.0, 2.0),
    "log1p": lambda g: jnp.log1p(0.01 * g.proper),
    "expm1": lambda g: jnp.expm1(0.01 * g.a),
    "exp2": lambda g: jnp.exp2(g.a),
    "log2": lambda g: jnp.log2(g.positive),
    "cbrt": lambda g: jnp.cbrt(g.a),
    "sinh": lambda g: jnp.sinh(g.a),
    "cosh": lambda g: jnp.cosh(g.a),
    "atanh": lambda g: jnp.arctanh(g.proper),
    "erfc": lambda g: lax.erfc(2 * g.a),
    "is_finite": lambda g: jnp.where(jnp.isfinite(g.a), g.a, 0.0),
    "clamp": lambda g: jnp.clip(g.a, -0.3, 0.2),
    "integer_pow": lambda g: g.a**3 + 1 / (g.positive**2 + 1),
    "reduce_sum": lambda g: 0.1 * g.b * g.a.sum(-1, keepdims=True),
    "reduce_max": lambda g: g.b * g.a.max(-1, keepdims=True),
    "reduce_min": lambda g: g.b * g.a.min(-1, keepdims=True),
    "sums of sums": lambda g: jax.nn.softmax(g.a * g.b.mean(-1, keepdims=True)),
    "sum of a parameter": lambda g: g.a + g.row.sum(),
    "sum of a number": lambda g: g.a + 0.01 * jnp.full_like(g.a, g.number).sum(-1, keepdims=True),
    "sum of a constant": lambda g: g.a + 0.01 * jnp.ones_like(g.a).sum(-1, keepdims=True),
    "sum of one for all": lambda g: (
        g.a + 0.01 * jnp.broadcast_to(g.a.max(-1, keepdims=True), g.a.shape).sum(-1, keepdims=True)
    ),
    "sum of blocks": lambda g: jnp.concatenate([g.a[None], 2 * g.b[None]]).sum(0),
    "constant": lambda g: jnp.full_like(g.a, 0.3),
    "negative zero": lambda g: jnp.where(1 / jnp.where(g.a > 0, -0.0, 1.0) < 0, 1.0, 2.0),
    "infinity": lambda g: jnp.minimum(jnp.where(g.a > 0, jnp.inf, g.a), g.number),
    "number": lambda g: jnp.broadcast_to(g.number, g.a.shape),
    "row": lambda g: jnp.broadcast_to(g.row, g.a.shape),
}


@dataclass(frozen=True)
class AllOperations(Cell):
    """A unit for each operation: it keeps that unit of the operation's result."""

    gates: ClassVar[int] = 2
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "before")

    def init(self, key: Any, input_size: int) -> Any:
        units = self.hidden_size
        own = {"row": jnp.zeros(units), "number": jnp.array(0.0), "masks": jnp.zeros((units, units))}
        return super().init(key, input_size) | own

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        a, b = blocks(linear(params, "ih", inputs) + linear(params, "hh", state["hidden"]), 2)
        given = Given(a, b + 0.5 * state["before"], params["row"], params["number"])
        output = sum(params["masks"][n] * operation(given) for n, operation in enumerate(OPERATIONS.values()))
        return {"hidden": jnp.tanh(a), "before": state["hidden"]}, output


@cache
def make_all_operations() -> TrainedModel:
    """Return a network of one layer whose logits are the results of the operations."""
    config = ModelConfig(
        cell=CellObject.of(AllOperations),
        hidden_size=len(OPERATIONS),
        embed_size=8,
        num_layers=1,
        unroll="scan",
    )
    vocabulary = Vocabulary.of_bytes()
    model = CharLM.build(config, vocabulary.size)
    params = draw_params(model)
    fixed = {
        "readout.weight": jnp.eye(vocabulary.size, len(OPERATIONS)),
        "readout.bias": jnp.zeros(vocabulary.size),
        "rnn.masks_l0": jnp.eye(len(OPERATIONS)),
        "rnn.bias_ih_l0": jnp.zeros(2 * len(OPERATIONS)),
        "rnn.bias_hh_l0": jnp.zeros(2 * len(OPERATIONS)),
    }
    assert fixed.keys() <= params.keys()
    return TrainedModel(model, params | fixed, vocabulary, {})


@cache
def expect_results() -> np.ndarray:
    return compute_logits(make_all_operations(), TOKENS)[:, : len(OPERATIONS)]


def run_numpy(network: TrainedModel, folder: Path) -> np.ndarray:
    with np.errstate(divide="ignore", over="ignore"):
        return test_numpy.run_tokens(test_numpy.load_exported(network, folder), TOKENS)


def run_onnx(network: TrainedModel, folder: Path) -> np.ndarray:
    session = test_onnx.Session(network, folder)
    return session.run(TOKENS[:, None], session.begin(1))[0][:, 0]


def run_js(network: TrainedModel, folder: Path) -> np.ndarray:
    if test_javascript.NODE is None:
        pytest.skip("node is not installed")
    path = test_javascript.make_module(network, folder)
    _, made, _, _ = test_javascript.run_node(path, test_javascript.RUN_TOKENS, tokens=TOKENS.tolist())
    return np.array(made)


def run_c(network: TrainedModel, folder: Path) -> np.ndarray:
    return NetworkInC(network, folder).run(TOKENS)


def run_torch(network: TrainedModel, folder: Path) -> np.ndarray:
    if not test_torch.CHOSEN:
        pytest.skip("no PyTorch: set CHARLOOP_TORCH_PYTHON to a Python that has it")
    made = folder / "made"
    export(network, "torch", made)
    (made / "tokens.json").write_text(json.dumps(TOKENS[:, None].tolist()))
    (found,) = test_torch.run_in_torch({made: "bytes"})
    return np.array(found["logits"])[:, 0]


LEFT_OUT = {"onnx": {"negative zero"}}
"""By form: what it computes otherwise. onnxruntime's Where makes 0 of -0."""
FORMS = {"c": run_c, "js": run_js, "numpy": run_numpy, "onnx": run_onnx, "torch": run_torch}
"""By form: a function that exports a network into a folder and returns the logits after each of `TOKENS`."""


@pytest.mark.parametrize("form", FORMS)
def test_a_form_computes_each_operation(form: str, tmp_path: Path) -> None:
    expected = expect_results()
    made = FORMS[form](make_all_operations(), tmp_path)[:, : len(OPERATIONS)]
    away = (np.abs(made - expected) / (1 + np.abs(expected))).max(axis=0)
    wrong = {name: error for name, error in zip(OPERATIONS, away, strict=True) if not error <= 1e-5}
    assert wrong.keys() == LEFT_OUT.get(form, set()), wrong


def test_every_operation_is_among_them() -> None:
    (layer,) = ExportedNetwork.of(make_all_operations()).layers
    found = {layer.finish.operations[reference].name for reference in layer.finish.needed}
    assert found == ELEMENTWISE | REDUCTIONS | {"constant", "input", "to_float32", "to_bool"}
    assert (np.ptp(expect_results(), axis=0) > 0.01).sum() > 0.8 * len(OPERATIONS)
