"""The tutorial's graph in TensorFlow 1's own terms, run by TensorFlow 2.15: a MultiRNNCell, unrolled in three ways.

Each way is a program of its own beside this file; it hands over its `unroll(cell, inputs, start) -> (outputs, last)`,
batch first.
"""

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_eager_execution()


def make_cell(name, hidden):
    rnn = tf1.nn.rnn_cell
    known = {"lstm": rnn.LSTMCell, "gru": rnn.GRUCell, "rnn": rnn.BasicRNNCell}
    if name not in known:
        raise NotImplementedError(f"TensorFlow 1 has no {name}")
    return known[name](hidden)


def build(setting, unroll):
    rows, length, vocab = setting["batch_size"], setting["seq_length"], setting["vocab_size"]
    hidden, layers = setting["hidden_size"], setting["num_layers"]
    characters = tf1.placeholder(tf.int32, [rows, length])
    targets = tf1.placeholder(tf.int32, [rows, length])
    cell = tf1.nn.rnn_cell.MultiRNNCell([make_cell(setting["cell"], hidden) for _ in range(layers)])
    start = cell.zero_state(rows, tf.float32)
    table = tf1.get_variable("embedding", [vocab, setting["embed_size"]])
    outputs, last = unroll(cell, tf1.nn.embedding_lookup(table, characters), start)
    readout = tf1.get_variable("readout", [hidden, vocab])
    bias = tf1.get_variable("bias", [vocab], initializer=tf1.zeros_initializer())
    logits = tf.reshape(outputs, [-1, hidden]) @ readout + bias
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1]), logits=logits)
    loss = tf.reduce_mean(losses)
    variables = tf1.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf1.gradients(loss, variables), 1.0)
    update = tf1.train.AdamOptimizer(1e-4).apply_gradients(zip(gradients, variables, strict=True))
    session = tf1.Session()
    session.run(tf1.global_variables_initializer())
    text = np.random.default_rng(0).integers(vocab, size=(rows, length + 1), dtype=np.int32)
    feed = {characters: text[:, :-1], targets: text[:, 1:]}
    carry = session.run(start)

    def step():
        nonlocal carry
        state = dict(zip(tf.nest.flatten(start), tf.nest.flatten(carry), strict=True))
        value, carry, _ = session.run([loss, last, update], feed | state)
        return value

    return step, {"tensorflow": tf.__version__}
