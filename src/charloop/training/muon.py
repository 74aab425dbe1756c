"""Muon: momentum whose matrices are made nearly orthogonal, for the recurrent layers (Jordan et al. 2024)."""

import math
from typing import Any

import jax
import optax
from jaxtyping import Array, Float
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from charloop.types import Parameters

SIZE = 0.2
"""Root mean square of an update, as usual with Adam, whatever the shape of a matrix (Liu et al. 2025)."""


def muon(beta1: float, beta2: float) -> optax.GradientTransformation:
    """Return Muon for the matrices of the recurrent layers, and Adam for embedding, readout, biases and scales."""
    rules = {"muon": orthogonalize_gates(beta1), "adam": optax.scale_by_adam(beta1, beta2)}
    return optax.partition(rules, choose_rules)


def choose_rules(params: Parameters) -> dict[str, str]:
    """Return for each parameter the rule that moves it."""
    return {
        name: "muon" if name.startswith("rnn.weight") and value.ndim == 2 else "adam"
        for name, value in params.items()
    }


def orthogonalize_gates(beta1: float) -> optax.GradientTransformation:
    """Return Nesterov momentum, made nearly orthogonal by five Newton-Schulz steps: each gate's block by itself."""
    rule = scale_by_muon(
        beta=beta1,
        weight_dimension_numbers=lambda tree: jax.tree.map(lambda _: MuonDimensionNumbers(-2, -1), tree),
    )

    def update(gradient: dict[str, Any], state: Any, params: Any = None) -> tuple[dict[str, Any], Any]:
        del params
        moves, state = rule.update(cut_gates(gradient), state)
        scaled = jax.tree.map(
            lambda move, whole: (SIZE * math.sqrt(max(move.shape[1:])) * move).reshape(whole.shape),
            moves,
            gradient,
        )
        return scaled, state

    return optax.GradientTransformation(lambda params: rule.init(cut_gates(params)), update)


def cut_gates(matrices: dict[str, Any]) -> dict[str, Any]:
    """Return each matrix as `[gates, rows, columns]`; with one gate if its rows are not those of gates."""

    def cut(name: str, matrix: Float[Array, "rows columns"]) -> Float[Array, "gates block columns"]:
        state = matrices.get(f"rnn.weight_hh_l{name.rpartition('_l')[2]}")
        hidden = getattr(state, "shape", matrix.shape)[-1]
        gates = len(matrix) // hidden if len(matrix) % hidden == 0 else 1
        return matrix.reshape(gates, -1, matrix.shape[1])

    # optax marks the parameters of other rules with empty trees.
    return {name: cut(name, value) if hasattr(value, "shape") else value for name, value in matrices.items()}
