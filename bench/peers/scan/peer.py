"""The tutorial way in JAX: a cell written out, `lax.scan`, plain autodiff, one device; optax for the rest."""

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.nn import sigmoid


def lstm(p, x, state):
    h, c = state
    i, f, g, o = jnp.split(x @ p["w"] + h @ p["r"] + p["b"], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def ln_lstm(p, x, state):
    h, c = state
    i, f, g, o = (
        (v - v.mean(-1, keepdims=True)) * lax.rsqrt(v.var(-1, keepdims=True) + 1e-5) * scale + shift
        for v, scale, shift in zip(
            jnp.split(x @ p["w"] + h @ p["r"], 4, -1), p["scale"], p["b"].reshape(4, -1), strict=True
        )
    )
    c = sigmoid(f + 1) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def skip_lstm(p, x, state):
    h, c, before = state
    i, f, g, o = jnp.split(x @ p["w"] + h @ p["r"] + p["b"], 4, -1)
    share = sigmoid(p["skip"])
    new = sigmoid(f) * (share * c + (1 - share) * before) + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(new)
    return (h, new, c), h


def gru(p, x, state):
    (h,) = state
    r, z, n = jnp.split(x @ p["w"] + p["b"], 3, -1)
    r_state, z_state, n_state = jnp.split(h @ p["r"] + p["b_state"], 3, -1)
    z = sigmoid(z + z_state)
    h = (1 - z) * jnp.tanh(n + sigmoid(r + r_state) * n_state) + z * h
    return (h,), h


def rnn(p, x, state):
    h = jnp.tanh(x @ p["w"] + state[0] @ p["r"] + p["b"])
    return (h,), h


CELLS = {"lstm": (lstm, 4, 2), "ln-lstm": (ln_lstm, 4, 2), "gru": (gru, 3, 1), "rnn": (rnn, 1, 1)}


def find(name):
    if name.endswith(":SkipLSTM"):
        return skip_lstm, 4, 3
    if name not in CELLS:
        raise NotImplementedError(f"{name} is not written out here")
    return CELLS[name]


def build(setting):
    cell, gates, parts = find(setting["cell"])
    hidden, rows = setting["hidden_size"], setting["batch_size"]
    vocab, size = setting["vocab_size"], setting["embed_size"]
    keys = iter(jax.random.split(jax.random.key(0), 100))

    def matrix(rows, columns):
        return jax.random.normal(next(keys), (rows, columns)) * rows**-0.5

    def layer(inputs):
        extra = {
            "scale": jnp.ones((4, hidden)),
            "b_state": jnp.zeros(gates * hidden),
            "skip": jnp.full(hidden, 2.0),
        }
        needed = {"ln-lstm": ("scale",), "gru": ("b_state",)}.get(setting["cell"], ())
        needed += ("skip",) if parts == 3 else ()
        wide = gates * hidden
        params = {"w": matrix(inputs, wide), "r": matrix(hidden, wide), "b": jnp.zeros(wide)}
        return params | {name: extra[name] for name in needed}

    layers = [layer(size)] + [layer(hidden) for _ in range(setting["num_layers"] - 1)]
    params = {"e": matrix(vocab, size), "layers": layers, "o": matrix(hidden, vocab), "b": jnp.zeros(vocab)}
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-4))
    text = jax.random.randint(next(keys), (setting["seq_length"] + 1, rows), 0, vocab)

    def loss_of(params, carry):
        features, last = params["e"][text[:-1]], []
        for p, state in zip(params["layers"], carry, strict=True):
            state, features = lax.scan(lambda s, x, p=p: cell(p, x, s), state, features)
            last.append(state)
        logits = features @ params["o"] + params["b"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, text[1:]).mean(), last

    @jax.jit
    def update(params, moments, carry):
        (loss, carry), gradient = jax.value_and_grad(loss_of, has_aux=True)(params, carry)
        change, moments = optimizer.update(gradient, moments)
        return optax.apply_updates(params, change), moments, carry, loss

    carry = [tuple(jnp.zeros((rows, hidden)) for _ in range(parts)) for _ in layers]
    state = (params, optimizer.init(params), carry)

    def step():
        nonlocal state
        *state, loss = update(*state)
        return float(loss)

    return step, {"jax": jax.__version__, "optax": optax.__version__}
