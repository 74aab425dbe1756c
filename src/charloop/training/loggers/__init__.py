"""Programs in which a run can be watched while it trains: a class for each, and a line in `LOGGERS`."""

from collections.abc import Callable, Iterable

from charloop.errors import unknown_name
from charloop.training.loggers.base import Logger
from charloop.training.loggers.listener import Logging
from charloop.training.loggers.tensorboard import TensorBoard
from charloop.training.loggers.weights_and_biases import WeightsAndBiases

LOGGERS: dict[str, Callable[[], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}
"""What `--log` accepts. A constructor imports its library, and raises CharloopError if that is not usable."""

__all__ = ["LOGGERS", "Logger", "Logging", "make_loggers"]


def make_loggers(names: Iterable[str]) -> dict[str, Logger]:
    """Return the loggers of these names, each once; nothing is written yet.

    Raises CharloopError for an unknown name, and for a library that is not installed.
    """
    made = {}
    for name in names:
        if name not in LOGGERS:
            raise unknown_name("logger", name, LOGGERS, do="a text to train on goes before --log")
        made[name] = LOGGERS[name]()
    return made
