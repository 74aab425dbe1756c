"""The tutorial's `dynamic_rnn`: a loop whose length is known at run time."""

import sys
from pathlib import Path

import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parent))
import graph


def unroll(cell, inputs, start):
    return tf.compat.v1.nn.dynamic_rnn(cell, inputs, initial_state=start)


def build(setting):
    return graph.build(setting, unroll)
