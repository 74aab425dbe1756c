"""The tutorial's `dynamic_rnn`: a loop whose length is known at run time."""

import graph
import tensorflow as tf


def unroll(cell, inputs, start):
    return tf.compat.v1.nn.dynamic_rnn(cell, inputs, initial_state=start)


def build(setting):
    return graph.build(setting, unroll)
