"""One thread for each network: it reads prompts, writes in all lanes, and passes on what is written."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from charloop.sampling.prompt import Beginning, find_whitespace
from charloop.serving.lane_program import BLOCK, Block, Rows
from charloop.serving.lanes import Lanes
from charloop.serving.reading import PIECES, Reader
from charloop.trained.network import TrainedModel
from charloop.types import State

FIRST_BLOCK = 8
"""Tokens in the first block after a text has begun: few, so that it appears at once."""
LONGEST_SECONDS = 0.05
"""Time that a block may take, about: a text that begins waits for the block before it."""
READING_SECONDS = 0.02
"""Time for reading prompts, and for other work, between two blocks."""


class Lane(Protocol):
    """A text that is ready to be written."""

    state: State
    row: Rows

    def feed(self, block: Block, lane: int) -> bool:
        """Take what was written in `lane`; return whether the text goes on."""


class Work(Protocol):
    """What a worker does for a client, a piece at a time."""

    cancelled: bool
    """Whether nobody waits for it any more; any thread may set it."""

    def steps(self, reader: Reader) -> Iterator[Lane | None]:
        """Do a piece of the work for each item; an item that is a lane is to be written."""

    def fail(self, error: Exception) -> None:
        """Take the error that ended the work."""


class Worker:
    """Works with one network for many clients. Its thread ends with `close`, or with the process."""

    def __init__(self, network: TrainedModel, most: int = 64) -> None:
        self.network = network
        self._openings: dict[str | None, Beginning] = {}
        vocabulary = network.vocabulary
        ends_word = find_whitespace(vocabulary)
        ends_word[list(vocabulary.never_written)] = True
        self._lanes = Lanes(network.model, network.params, vocabulary.size, ends_word, most)
        self._reader = Reader(network.model, network.params)
        self._arriving: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._tasks: deque[tuple[Work, Iterator[Lane | None]]] = deque()
        self._waiting: deque[tuple[Work, Lane]] = deque()
        self._writing: dict[int, tuple[Work, Lane]] = {}
        self._block, self._open = FIRST_BLOCK, True
        self.most = most
        self._thread = threading.Thread(target=self._run, daemon=True, name="charloop-worker")

    def start(self) -> None:
        """Compile the programs, so that no client waits for that, and begin to work."""
        self.opening()
        for size in self._lanes.sizes:
            self._lanes.fit([], size)
            self._lanes.write(1)
        self._lanes.fit([], 1)
        for size in PIECES:
            for _ in self._reader.read(np.zeros(size, np.int32)):
                pass
        self._thread.start()

    def opening(self, label: str | None = None) -> Beginning:
        """Return what the network reads before a text. Raises CharloopError for a label that it does not know."""
        if label not in self._openings:
            # To find the likeliest label, or the prefix of an old run, the network computes.
            self._openings[label] = self.network.opening(label=label)
        return self._openings[label]

    def submit(self, work: Work) -> None:
        """Let the worker do `work`, after what it has begun; any thread may call this."""
        self._arriving.put(work)

    def close(self) -> None:
        """End the thread after what it is doing now; what waits is left."""
        self._open = False
        self._arriving.put(None)
        self._thread.join()

    @property
    def is_open(self) -> bool:
        """Whether it still works."""
        return self._open

    @property
    def load(self) -> tuple[int, int]:
        """How many texts are being written, and how many requests wait."""
        return len(self._writing), len(self._waiting) + len(self._tasks) + self._arriving.qsize()

    def _run(self) -> None:
        while self._open:
            self._accept(wait=not (self._tasks or self._waiting or self._writing))
            self._work()
            self._begin()
            if self._writing:
                self._write()

    def _accept(self, *, wait: bool) -> None:
        """Take what has arrived; with `wait`, until something has."""
        while wait or not self._arriving.empty():
            work = self._arriving.get()
            if work is None:
                return
            self._tasks.append((work, work.steps(self._reader)))
            wait = False

    def _work(self) -> None:
        """Do a piece of each task in turn, for `READING_SECONDS` if texts are being written."""
        end = time.perf_counter() + READING_SECONDS
        while self._tasks and time.perf_counter() < end:
            work, steps = self._tasks.popleft()
            if work.cancelled:
                close_steps(steps)
                continue
            try:
                lane = next(steps)
            except StopIteration:
                continue
            except Exception as error:
                work.fail(error)
                continue
            if lane is not None:
                self._waiting.append((work, lane))
                close_steps(steps)
            else:
                self._tasks.append((work, steps))

    def _begin(self) -> None:
        """Give lanes to texts that wait for one."""
        for lane in [lane for lane, (work, _) in self._writing.items() if work.cancelled]:
            self._leave(lane)
        self._waiting = deque(item for item in self._waiting if not item[0].cancelled)
        wanted = len(self._writing) + len(self._waiting)
        if wanted == 0:
            return
        places = self._lanes.fit(list(self._writing), wanted)
        if places is not None:
            self._writing = dict(zip(places, self._writing.values(), strict=True))
        free = deque(lane for lane in range(min(self._lanes.size, self.most)) if lane not in self._writing)
        while self._waiting and free:
            lane, item = free.popleft(), self._waiting.popleft()
            self._lanes.join(lane, item[1].state, item[1].row)
            self._writing[lane] = item
            self._block = FIRST_BLOCK

    def _write(self) -> None:
        """Write a block in all lanes, and pass it on. After one that was written quickly comes a longer one."""
        started = time.perf_counter()
        block = self._lanes.write(self._block)
        for lane, (work, text) in list(self._writing.items()):
            try:
                goes_on = text.feed(block, lane)
            except Exception as error:
                work.fail(error)
                goes_on = False
            if not goes_on:
                self._leave(lane)
        if 2 * (time.perf_counter() - started) < LONGEST_SECONDS:
            self._block = min(2 * self._block, BLOCK)

    def _leave(self, lane: int) -> None:
        del self._writing[lane]
        self._lanes.leave(lane)


def close_steps(steps: Iterator[Lane | None]) -> None:
    """Close a generator, so that what it holds is let go now."""
    close = getattr(steps, "close", None)
    if close is not None:
        close()
