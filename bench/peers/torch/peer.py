"""PyTorch: nn.LSTM, nn.GRU and nn.RNN; other cells as a loop over nn operations, which is what its users write."""

import torch
from torch import nn


class Loop(nn.Module):
    """Layers of an LSTM cell, one time step at a time; the input's product is made for all times at once."""

    def __init__(self, kind: str, size: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.kind, self.hidden = kind, hidden
        bias = kind != "ln-lstm"
        sizes = [size] + [hidden] * (layers - 1)
        self.inputs = nn.ModuleList(nn.Linear(n, 4 * hidden, bias=bias) for n in sizes)
        self.states = nn.ModuleList(nn.Linear(hidden, 4 * hidden, bias=bias) for _ in sizes)
        if kind == "ln-lstm":
            self.norms = nn.ModuleList(nn.ModuleList(nn.LayerNorm(hidden) for _ in range(4)) for _ in sizes)
        else:
            self.skips = nn.ParameterList(nn.Parameter(torch.full((hidden,), 2.0)) for _ in sizes)

    def forward(self, features, carry):
        last = []
        for layer, (h, c, before) in enumerate(carry):
            outputs = []
            for from_input in self.inputs[layer](features).unbind(0):
                i, f, g, o = (from_input + self.states[layer](h)).chunk(4, -1)
                if self.kind == "ln-lstm":
                    i, f, g, o = (norm(x) for norm, x in zip(self.norms[layer], (i, f, g, o), strict=True))
                    blend, f = c, f + 1
                else:
                    share = torch.sigmoid(self.skips[layer])
                    blend = share * c + (1 - share) * before
                c, before = torch.sigmoid(f) * blend + torch.sigmoid(i) * torch.tanh(g), c
                h = torch.sigmoid(o) * torch.tanh(c)
                outputs.append(h)
            features = torch.stack(outputs)
            last.append((h, c, before))
        return features, last


def recurrent(cell: str, size: int, hidden: int, layers: int) -> nn.Module:
    known = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    if cell in known:
        return known[cell](size, hidden, layers)
    if cell == "ln-lstm" or cell.endswith(":SkipLSTM"):
        return Loop(cell, size, hidden, layers)
    raise NotImplementedError(f"PyTorch has no {cell}")


def detached(carry):
    return (
        carry.detach() if isinstance(carry, torch.Tensor) else type(carry)(detached(part) for part in carry)
    )


def build(setting):
    hidden, layers, rows = setting["hidden_size"], setting["num_layers"], setting["batch_size"]
    vocab, size = setting["vocab_size"], setting["embed_size"]
    embedding, readout = nn.Embedding(vocab, size), nn.Linear(hidden, vocab)
    network = recurrent(setting["cell"], size, hidden, layers)
    parameters = [p for module in (embedding, network, readout) for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-4)
    text = torch.randint(vocab, (setting["seq_length"] + 1, rows))
    carry = (
        [tuple(torch.zeros(rows, hidden) for _ in range(3))] * layers if isinstance(network, Loop) else None
    )

    def step():
        nonlocal carry
        optimizer.zero_grad()
        outputs, carry = network(embedding(text[:-1]), carry)
        loss = nn.functional.cross_entropy(readout(outputs).flatten(0, 1), text[1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        carry = detached(carry)
        return loss.item()

    return step, {"torch": torch.__version__}
