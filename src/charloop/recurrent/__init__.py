"""Recurrent layers as a library, for your own inputs, loss and training loop (docs/own-loop.md)."""

from charloop.errors import CharloopError
from charloop.precision import use_precision
from charloop.recurrent.base import Layer
from charloop.recurrent.single import Recurrent
from charloop.recurrent.stack import Stack
from charloop.recurrent.torch_weights import from_torch, to_torch

__all__ = ["CharloopError", "Layer", "Recurrent", "Stack", "from_torch", "to_torch", "use_precision"]
