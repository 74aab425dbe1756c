"""PyTorch: a loop over characters, as its users write it: the network, the filters, torch.multinomial."""

import torch
from torch import nn


def filtered(logits, temperature, top_k, top_p, min_p):
    """Divide the logits by the temperature, and set what the three filters take away to minus infinity."""
    logits = logits / temperature
    least = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
    logits = logits.masked_fill(logits < least, -torch.inf)
    ordered, indices = logits.sort(descending=True)
    shares = ordered.softmax(-1)
    outside = shares.cumsum(-1) - shares >= top_p
    logits = logits.masked_fill(outside.scatter(-1, indices, outside), -torch.inf)
    shares = logits.softmax(-1)
    return logits.masked_fill(shares < min_p * shares.max(-1, keepdim=True).values, -torch.inf)


def build(setting):
    known = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    if setting["cell"] not in known:
        raise NotImplementedError(f"PyTorch has no {setting['cell']}")
    hidden, vocab, texts = setting["hidden_size"], setting["vocab_size"], setting["num_samples"]
    embedding, readout = nn.Embedding(vocab, setting["embed_size"]), nn.Linear(hidden, vocab)
    network = known[setting["cell"]](setting["embed_size"], hidden, setting["num_layers"])

    @torch.inference_mode()
    def step():
        characters, carry, written = torch.zeros(1, texts, dtype=torch.long), None, []
        for _ in range(setting["length"]):
            outputs, carry = network(embedding(characters), carry)
            characters = filtered(readout(outputs[0]), **setting["filters"]).softmax(-1).multinomial(1).T
            written.append(characters)
        return torch.cat(written).tolist()

    return step, {"torch": torch.__version__}
