"""The slow reference: every cell's equations on one batch row's vectors, float64, plain loops, no JAX.

Written from the papers and PyTorch's and TensorFlow's documentation, one function a cell: parameters, `x`, state
to state. The output is always the new `hidden`.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normal(x):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


def gates(p, x, h, count):
    """Return `W x + b_ih` and `R h + b_hh`, each split into gates."""
    from_x = p["weight_ih"] @ x + p.get("bias_ih", 0)
    from_h = p["weight_hh"] @ h + p.get("bias_hh", 0)
    return np.split(from_x, count), np.split(from_h, count)


def long_short(i, f, g, o, c):
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return {"hidden": sigmoid(o) * np.tanh(c), "cell": c}


def rnn(p, x, s):
    (a,), (m,) = gates(p, x, s["hidden"], 1)
    return {"hidden": np.tanh(a + m)}


def gru(p, x, s):
    h = s["hidden"]
    (ar, az, an), (mr, mz, mn) = gates(p, x, h, 3)
    r, z = sigmoid(ar + mr), sigmoid(az + mz)
    n = np.tanh(an + r * mn)
    return {"hidden": (1 - z) * n + z * h}


def gru_original(p, x, s):
    h = s["hidden"]
    (ar, az, an), (mr, mz, _) = gates(p, x, h, 3)
    r, z = sigmoid(ar + mr), sigmoid(az + mz)
    _, (_, _, mn) = gates(p, x, r * h, 3)
    return {"hidden": (1 - z) * np.tanh(an + mn) + z * h}


def lstm(p, x, s):
    a, m = gates(p, x, s["hidden"], 4)
    return long_short(*np.add(a, m), s["cell"])


def capped_lstm(p, x, s):
    a, m = gates(p, x, s["hidden"], 4)
    i, f, g, o = np.add(a, m)
    f = sigmoid(f)
    c = f * s["cell"] + np.minimum(sigmoid(i), 1 - f) * np.tanh(g)
    return {"hidden": sigmoid(o) * np.tanh(c), "cell": c}


def layer_norm_lstm(p, x, s):
    a, m = gates(p, x, s["hidden"], 4)
    scale, shift = np.split(p["norm_scale"], 4), np.split(p["norm_shift"], 4)
    i, f, g, o = (normal(a[k] + m[k]) * scale[k] + shift[k] for k in range(4))
    c = sigmoid(f) * s["cell"] + sigmoid(i) * np.tanh(g)
    read = normal(c) * p["cell_scale"] + p["cell_shift"] if "cell_scale" in p else c
    return {"hidden": sigmoid(o) * np.tanh(read), "cell": c}


def nas(p, x, s):
    a, m = gates(p, x, s["hidden"], 8)
    first = np.tanh(sigmoid(a[0] + m[0]) * np.maximum(a[1] + m[1], 0))
    second = np.tanh(sigmoid(a[2] + m[2]) + np.maximum(a[3] * m[3], 0))
    third = np.tanh(np.tanh(a[4] + m[4]) * sigmoid(a[5] + m[5]))
    fourth = sigmoid(np.tanh(a[6] + m[6]) + sigmoid(a[7] + m[7]))
    c = np.tanh(first + s["cell"]) * second
    return {"hidden": np.tanh(c * np.tanh(third + fourth)), "cell": c}


def skip_lstm(p, x, s):
    a, m = gates(p, x, s["hidden"], 4)
    share = sigmoid(p["skip"])
    blend = share * s["cell"] + (1 - share) * s["cell_before"]
    return long_short(*np.add(a, m), blend) | {"cell_before": s["cell"]}


def multiplicative_lstm(p, x, s):
    mixed = (p["weight_im"] @ x) * (p["weight_hm"] @ s["hidden"])
    a, m = gates(p, x, mixed, 4)
    return long_short(*np.add(a, m), s["cell"])


def mogrifier(p, x, s):
    h = s["hidden"]
    x = 2 * sigmoid(p["weight_q1"] @ h) * x
    h = 2 * sigmoid(p["weight_q2"] @ x) * h
    x = 2 * sigmoid(p["weight_q3"] @ h) * x
    h = 2 * sigmoid(p["weight_q4"] @ x) * h
    x = 2 * sigmoid(p["weight_q5"] @ h) * x
    return lstm(p, x, s | {"hidden": h})


EQUATIONS = {
    "rnn": rnn,
    "gru": gru,
    "gru reset_after=false": gru_original,
    "lstm": lstm,
    "lstm cap_input=true": capped_lstm,
    "ln-lstm": layer_norm_lstm,
    "ln-lstm normalize_cell=true": layer_norm_lstm,
    "nas": nas,
    "SkipLSTM": skip_lstm,
    "MultiplicativeLSTM": multiplicative_lstm,
}


def run_row(step, params, inputs, state):
    """Run one layer over one batch row, `inputs [time, input]`: the outputs `[time, hidden]`, and the last state."""
    outputs = []
    for x in inputs:
        state = step(params, x, state)
        outputs.append(state["hidden"])
    return np.array(outputs), state


def run(step, layers, inputs, states):
    """Layers over batch rows, `inputs [time, batch, input]`: the last layer's outputs, every layer's last state."""
    last = []
    for params, state in zip(layers, states, strict=True):
        rows = range(inputs.shape[1])
        ran = [run_row(step, params, inputs[:, b], {k: v[b] for k, v in state.items()}) for b in rows]
        inputs = np.stack([outputs for outputs, _ in ran], axis=1)
        last.append({k: np.stack([end[k] for _, end in ran]) for k in state})
    return inputs, last
