"""Make the golden vectors: the outputs and all gradients of torch.nn.RNN, GRU and LSTM. Run once, by hand.

    pip install torch==2.13.0 numpy     # in an environment of its own
    python tests/goldens/make_goldens.py

Two layers between an embedding and a readout, computed in float64 from weights that float32 holds exactly. Each
file has the module's `state_dict` under PyTorch's own names. Names with a slash are the inputs, the outputs, and the
gradient of `sum(out/x * cotangent/x)` in every weight and in the initial state.
"""

from pathlib import Path

import numpy as np
import torch

TIME, BATCH, EMBED, HIDDEN, VOCAB, LAYERS = 6, 2, 5, 7, 11, 2
CELLS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class CharRNN(torch.nn.Module):
    """The network as a user of PyTorch would write it."""

    def __init__(self, cell: type[torch.nn.RNNBase]) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCAB, EMBED)
        self.rnn = cell(EMBED, HIDDEN, LAYERS)
        self.readout = torch.nn.Linear(HIDDEN, VOCAB)

    def forward(self, characters: torch.Tensor, state: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        outputs, last = self.rnn(self.embedding(characters), state[0] if len(state) == 1 else tuple(state))
        found = {"outputs": outputs, "logits": self.readout(outputs)}
        return found | dict(zip(("hidden", "cell"), last if len(state) == 2 else [last], strict=False))


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float32).double()


def golden(name: str) -> dict[str, torch.Tensor]:
    """Return all arrays of one cell's file."""
    torch.manual_seed(0)
    model = CharRNN(CELLS[name]).double()
    for weight in model.parameters():
        weight.data = noise(*weight.shape) / 2
    states = {part: noise(LAYERS, BATCH, HIDDEN) for part in ("hidden", "cell")[: 1 + (name == "lstm")]}
    characters = torch.randint(0, VOCAB, (TIME, BATCH))
    for state in states.values():
        state.requires_grad_()
    found = model(characters, list(states.values()))
    cotangents = {part: noise(*value.shape) for part, value in found.items() if part != "outputs"}
    sum((found[part] * weight).sum() for part, weight in cotangents.items()).backward()
    return (
        model.state_dict()
        | {"in/characters": characters}
        | {f"in/{part}": state for part, state in states.items()}
        | {f"out/{part}": value for part, value in found.items()}
        | {f"cotangent/{part}": weight for part, weight in cotangents.items()}
        | {f"gradient/{part}": state.grad for part, state in states.items()}
        | {f"gradient/{part}": weight.grad for part, weight in model.named_parameters()}
    )


def main() -> None:
    for name in CELLS:
        arrays = {part: value.detach().numpy() for part, value in golden(name).items()}
        kinds = {part: np.int32 if value.dtype.kind == "i" else np.float32 for part, value in arrays.items()}
        small = {part: value.astype(kinds[part]) for part, value in arrays.items()}
        np.savez_compressed(Path(__file__).parent / f"torch_{name}.npz", **small)


if __name__ == "__main__":
    main()
