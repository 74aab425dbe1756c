"""How far back a prediction looks, against finite differences of the plain recurrence in float64."""

import jax
import numpy as np
import pytest

from analysis.networks import nested, network, tokens
from cells import oracle
from charloop.analysis import measure_reach, reach
from charloop.errors import CharloopError
from charloop.model import layer_parameters
from charloop.trained import TrainedModel
from model.small import VOCAB


def log_likelihood(made: TrainedModel, vectors: np.ndarray, target: int) -> float:
    """ln p(target) after `vectors [time, input]`, by the equations of the cells."""
    params, config = (
        {name: np.asarray(value, float) for name, value in made.params.items()},
        made.model.config,
    )
    names = [layer_parameters(made.params, layer) for layer in range(config.num_layers)]
    layers = [{name: params[f"rnn.{name}_l{layer}"] for name in own} for layer, own in enumerate(names)]
    empty = [
        {name: np.zeros((1, config.hidden_size)) for name in made.model.cell.state_names} for _ in layers
    ]
    outputs, _ = oracle.run(oracle.EQUATIONS[config.cell], layers, vectors[:, None], empty)
    readout = params["embedding.weight" if config.tie_embedding else "readout.weight"]
    logits = readout @ outputs[-1, 0] + params["readout.bias"]
    return float(logits[target] - np.log(np.exp(logits).sum()))


def by_differences(made: TrainedModel, text: np.ndarray, distance: int, step: float = 1e-5) -> np.ndarray:
    """The reach over all positions of `text`, by a small change of each input."""
    table = np.asarray(made.params.get("embedding.weight", np.eye(VOCAB)), float)
    norms = []
    for last in range(distance - 1, len(text) - 1):
        vectors = table[text[: last + 1]]
        gradient = np.zeros((distance, vectors.shape[1]))
        for k, feature in np.ndindex(gradient.shape):
            moved = [vectors.copy(), vectors.copy()]
            moved[0][last - k, feature] += step
            moved[1][last - k, feature] -= step
            up, down = (log_likelihood(made, one, int(text[last + 1])) for one in moved)
            gradient[k, feature] = (up - down) / (2 * step)
        norms.append(np.linalg.norm(gradient, axis=1))
    return np.mean(norms, axis=0)


@pytest.mark.parametrize(
    "settings",
    [{}, {"cell": "gru", "embed_size": 0}, {"embed_size": 7, "tie_embedding": True, "num_layers": 1}],
)
def test_it_is_the_gradient_of_the_equations(settings: dict) -> None:
    made, text = network(**settings), tokens(9)
    expected = by_differences(made, text, distance=4)
    np.testing.assert_allclose(measure_reach(made, text, 4).gradient, expected, rtol=1e-3)


def test_windows_side_by_side_are_windows_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made, text = nested(), tokens(40)
    together = measure_reach(made, text, 6, predictions=11).gradient
    monkeypatch.setattr(reach, "MAX_WINDOWS", 2)
    np.testing.assert_allclose(measure_reach(made, text, 6, predictions=11).gradient, together, rtol=1e-5)


def test_a_longer_reach_begins_with_a_shorter_one() -> None:
    """Where both predict the same: the memory before a window is not cut off."""
    made, text = network(), tokens(31)
    longer, shorter = measure_reach(made, text, 30), measure_reach(made, text[-6:], 5)
    assert not np.allclose(longer.gradient[:5], shorter.gradient, rtol=1e-3)
    whole = list(reach.batches(made, text, 5, 25, 2, 9))
    assert len(whole) == 1
    states, windows = whole[0]
    last = jax.tree.map(lambda leaf: leaf[1:], states)
    norms = reach._norms(made.model, made.params, windows[:-1, 1:], windows[-1, 1:], last)
    np.testing.assert_allclose(np.asarray(norms)[::-1, 0], longer.gradient[:5], rtol=1e-4)


def test_predictions_are_spread_over_the_text_and_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    norms = reach._norms
    monkeypatch.setattr(reach, "_norms", lambda *given: (seen.append(given[2]), norms(*given))[1])
    measure_reach(network(), np.arange(100) % VOCAB, 3, predictions=4)
    assert np.concatenate(seen, axis=1)[0].tolist() == [start % VOCAB for start in (0, 24, 48, 72)]


def test_with_a_forgetful_network_it_falls_to_nothing() -> None:
    made = network(cell="rnn", num_layers=1)
    still = made.params | {"rnn.weight_hh_l0": 0 * made.params["rnn.weight_hh_l0"]}
    gradient = measure_reach(TrainedModel(made.model, still, made.vocabulary, {}), tokens(30), 5).gradient
    assert gradient[0] > 0
    assert not gradient[1:].any()


@pytest.mark.parametrize(
    ("length", "distance", "predictions", "said"),
    [
        (5, 5, 3, "got '5 characters'; allowed: 6 or more"),
        (5, 0, 3, "distance: got 0"),
        (5, 2, 0, "predictions: got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(length: int, distance: int, predictions: int, said: str) -> None:
    with pytest.raises(CharloopError, match=said):
        measure_reach(network(), tokens(length), distance, predictions)
