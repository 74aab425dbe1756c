"""Workers of small networks, and texts that they write."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from charloop.sampling import SamplingConfig
from charloop.sampling.prompt import prepend_beginning
from charloop.serving.texts import Piece, TextWork
from charloop.serving.worker import Worker
from charloop.trained import TrainedModel

ALONE = 60
"""Seconds after which a test gives up."""


@contextmanager
def open_worker(network: TrainedModel, lanes: int = 16) -> Iterator[Worker]:
    worker = Worker(network, lanes)
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


class Writing:
    """A text that a worker writes."""

    def __init__(
        self, worker: Worker, prompt: str, *, sample: int = 0, logs: bool = False, **settings: Any
    ) -> None:
        network = worker.network
        ids = network.vocabulary.encode(prompt)
        read = prepend_beginning(network.vocabulary, ids, network.opening(), "error")
        self._arriving: queue.SimpleQueue[Piece | Exception] = queue.SimpleQueue()
        config, deliver = SamplingConfig(**settings), self._arriving.put
        self.work = TextWork(read, ids, network.vocabulary, config, deliver, sample, logs=logs)
        self.pieces = list[Piece]()
        worker.submit(self.work)

    def next(self) -> Piece:
        """Return the next piece; at the end, the last one again."""
        if self.pieces and self.pieces[-1].reason is not None:
            return self.pieces[-1]
        piece = self._arriving.get(timeout=ALONE)
        if isinstance(piece, Exception):
            raise piece
        self.pieces.append(piece)
        return piece

    def finish(self) -> str:
        while not self.pieces or self.pieces[-1].reason is None:
            self.next()
        return "".join(piece.text for piece in self.pieces)

    @property
    def ids(self) -> np.ndarray:
        return np.concatenate([piece.ids for piece in self.pieces])
