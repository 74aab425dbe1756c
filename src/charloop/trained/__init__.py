"""A trained network: it writes text and scores text."""

from charloop.trained.loading import load, load_trained_model
from charloop.trained.network import TrainedModel

__all__ = ["TrainedModel", "load", "load_trained_model"]
