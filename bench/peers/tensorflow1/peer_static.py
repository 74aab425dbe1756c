"""The tutorial's `static_rnn`: every time step is a node of the graph of its own, so that building takes long."""

import graph
import tensorflow as tf


def unroll(cell, inputs, start):
    outputs, last = tf.compat.v1.nn.static_rnn(cell, tf.unstack(inputs, axis=1), initial_state=start)
    return tf.stack(outputs, axis=1), last


def build(setting):
    return graph.build(setting, unroll)
