"""nn.LSTM, nn.GRU and nn.RNN alone; packed sequences where rows end at different times."""

import numpy as np
import torch
from torch import nn

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def build(setting):
    units, shape = setting["units"], (setting["steps"], setting["batch"], setting["units"])
    layer = LAYERS[setting["cell"]](units, units)
    inputs = torch.randn(shape, requires_grad=True)
    lengths = None
    if setting["lengths"]:
        chance = np.random.default_rng(0)
        lengths = torch.as_tensor(chance.integers(shape[0] // 2, shape[0] + 1, shape[1]))

    def step():
        layer.zero_grad()
        inputs.grad = None
        if lengths is None:
            outputs, _ = layer(inputs)
        else:
            packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, enforce_sorted=False)
            outputs, _ = nn.utils.rnn.pad_packed_sequence(layer(packed)[0], total_length=shape[0])
        outputs.square().mean().backward()

    return step, {"torch": torch.__version__}
